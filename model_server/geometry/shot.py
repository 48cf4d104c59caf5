"""What is known of a shot, as the stages hand it to each other.

F frames, H x W model size; pixel values are footage pixels where not said otherwise.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from numpy.typing import NDArray

from model_server.geometry.lens import Distortion
from model_server.geometry.pixel_map import PixelMap

Array = NDArray[Any]
Progress = Callable[[float], None]  # the share of the stage that is done, 0..1


class SolveMode(StrEnum):
    FREE = "free"
    TRIPOD = "tripod"
    ZOOM = "zoom"


class FrameStatus:
    """Values of `Solution.status`."""

    SOLVED, INTERPOLATED, UNKNOWN = 0, 1, 2


@dataclass(frozen=True)
class Plate:
    """The footage as the engines see it: small images of every frame, full ones on demand."""

    images: Array  # (F, H, W, 3) uint8 sRGB, model size, memory-mapped; distorted, as the footage is
    frame: Callable[[int], Array]  # index to (FH, FW, 3) uint8 sRGB at footage size; forward order is cheap
    width: int  # of the footage
    height: int
    pixel_aspect: float
    pixels: PixelMap  # model <-> footage

    @property
    def frame_count(self) -> int:
        return len(self.images)


@dataclass(frozen=True)
class Tracks:
    """Points followed over the shot: one row is one sighting; rows are sorted by track, then frame."""

    track_ids: Array  # (M,) int32, 0..track_count-1
    frame_indices: Array  # (M,) int32, index into the clip's frames
    positions: Array  # (M, 2) float32, plate pixels (distorted, as the footage is)

    @property
    def track_count(self) -> int:
        return int(self.track_ids.max()) + 1 if len(self.track_ids) else 0


@dataclass(frozen=True)
class Geometry:
    """What an engine found. What it does not know is None."""

    camera_from_world: Array | None = None  # (F, 4, 4) float64; NaN where a frame was not found
    intrinsics: Array | None = None  # (F, 3, 3) float64
    distortion: Distortion = field(default_factory=Distortion)
    depth: Array | None = None  # (F, H, W) float32, 0 = unknown
    confidence: Array | None = None  # (F, H, W) float16, 0..1
    motion: Array | None = None  # (F, H, W) float32, 0 still .. 1 moving: the engine's own map
    static_tracks: Array | None = None  # (track_count,) bool: tracks that the engine's cameras explain
    mode: SolveMode | None = None  # how the camera moves
    notes: tuple[str, ...] = ()  # in words: what of it the user should know


@dataclass(frozen=True)
class Solution:
    """Cameras and lens after bundle adjustment; world = the first frame's camera."""

    camera_from_world: Array  # (F, 4, 4) float64; NaN where unknown
    intrinsics: Array  # (F, 3, 3) float64, of the undistorted image
    distortion: Distortion
    status: Array  # (F,) uint8, FrameStatus
    reprojection_px: Array  # (F,) float32, median of the frame's static sightings; NaN = none
    points: Array  # (N, 3) float32, static track points in world
    observations: Array  # (M, 4) float32: point, frame index, x, y (undistorted)
    mode: SolveMode = SolveMode.FREE
    median_px: float = float("nan")
    mean_px: float = float("nan")
    focal_sigma_px: float = float("nan")  # one standard deviation of the focal length
    cuts: tuple[int, ...] = ()  # frame numbers that a cut stands before
    assumptions: tuple[str, ...] = ()  # in words


@dataclass(frozen=True)
class DepthMaps:
    """Depth along the optical axis on the undistorted image, in the cameras' units."""

    depth: Array  # (F, H, W) float32, 0 = unknown
    confidence: Array  # (F, H, W) float16, 0..1
    knows_moving: bool = False  # moving pixels have their own depth, not that of what lies around or behind them
    notes: tuple[str, ...] = ()  # in words: what of it the user should know


@dataclass(frozen=True)
class Motion:
    moving: Array  # (F, H, W) uint8, 0 still .. 255 moving, undistorted
    source: str = "geometry"  # "network" | "geometry" | "both" | "mattes"
    people: Array | None = None  # (F, H, W) bool, who surely is a person that moves


@dataclass(frozen=True)
class Layer:
    """One moving thing; `first` and `last` are indices of frames that show it."""

    id: int
    name: str
    first: int
    last: int


@dataclass(frozen=True)
class Layers:
    labels: Array  # (F, H, W) uint8: 0 background, 1.. things; undistorted
    things: tuple[Layer, ...]


@dataclass(frozen=True)
class Background:
    """Still points of all frames, fused."""

    positions: Array  # (P, 3) float32, world
    colors: Array  # (P, 3) uint8, sRGB


@dataclass(frozen=True)
class Ground:
    """Which way is up, and the plane that things stand on."""

    up: Array  # (3,) float64 unit vector in world
    floor: (
        Array | None
    )  # (4,) float64: a, b, c, d with a x + b y + c z + d = 0 and (a, b, c) = up's side; None = not found
