"""What an engine is."""

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from model_server.geometry.pixel_map import PixelMap
from model_server.geometry.shot import Array, DepthMaps, Geometry, Plate, Progress, Solution, Tracks
from model_server.settings import SolveSettings


@dataclass(frozen=True)
class WeightsFacts:
    """Which learned weights an engine runs with, for the manifest and for whoever asks."""

    name: str
    sha256: str  # of the file as it was published
    license: str


class Engine(Protocol):
    name: str
    long_side: int  # of the model's images, pixels
    multiple: int  # both sides of the model's images are multiples of it
    weights: WeightsFacts | None  # None for an engine that has learned nothing: its cameras come from the tracks

    def estimate(
        self, plate: Plate, tracks: Tracks, settings: SolveSettings, progress: Progress, folder: Path | None = None
    ) -> Geometry:
        """First cameras, and whatever else the engine knows.

        Args:
            folder: maps of the result may be files in it, `<field>.npy`; None keeps everything in memory.

        Raises:
            Unsolvable: nothing can be found in this footage; the message names why.
        """
        ...

    def densify(
        self, images: Array, pixels: PixelMap, geometry: Geometry, solution: Solution, progress: Progress
    ) -> DepthMaps:
        """Depth for every pixel it can, in the solution's units; images (F, H, W, 3) uint8, undistorted."""
        ...
