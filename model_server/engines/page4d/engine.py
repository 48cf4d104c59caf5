"""The engine that has learned: PAGE-4D (arXiv 2510.17568) or VGGT weights, window by window, on a GPU or a CPU."""

import os
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from model_server.engines.engine import WeightsFacts
from model_server.engines.page4d.footage_geometry import footage_geometry
from model_server.engines.page4d.solved_depth import solved_depth
from model_server.engines.page4d.still_tracks import still_tracks
from model_server.engines.page4d.stitch import Stitched, stitch
from model_server.engines.page4d.window import Predict
from model_server.errors import BadInput
from model_server.geometry.pixel_map import PixelMap
from model_server.geometry.shot import Array, DepthMaps, Geometry, Plate, Progress, Solution, Tracks
from model_server.settings import SolveSettings

PATCH = 14  # pixels: both sides of the network's images are multiples of it
LONG_SIDE = 518  # pixels: what the network has learned on
LONG_SIDE_VARIABLE = "PAGE4D_LONG_SIDE"
_SHORTEST, _LONGEST = 140, 2044  # long sides that make sense, pixels
_NETWORK = 0.85  # share of the stage
NO_MASK = "motion comes from geometry alone: these weights know no mask of what moves"


@dataclass(frozen=True)
class Eye:
    """A network that is ready to look at one shot."""

    predict: Predict
    length: int  # frames of a window, at most
    overlap: int  # frames that windows share


OpenEye = Callable[[Array], Eye]  # takes the images of the shot, (F, H, W, 3) uint8


class Page4DEngine:
    """Knows cameras, depth of everything and, with a mask, what moves; all of it is refined on tracks."""

    name = "page4d"
    multiple = PATCH

    def __init__(self, weights: WeightsFacts, open_eye: OpenEye, long_side: int | None = None) -> None:
        """Nothing is loaded yet.

        Args:
            open_eye: loads the network and makes it look at images; called when the shot's turn comes.
            long_side: of the network's images; None takes PAGE4D_LONG_SIDE, or 518.

        Raises:
            BadInput: images of that size are nothing for this network.
        """
        self.weights: WeightsFacts | None = weights
        self.long_side = _long_side(long_side)
        self._open_eye = open_eye

    def estimate(
        self, plate: Plate, tracks: Tracks, settings: SolveSettings, progress: Progress, folder: Path | None = None
    ) -> Geometry:
        """What the network sees in the distorted plate: cameras, depth, and motion where the weights know it.

        Raises:
            WindowTooLong: the device has too little memory for the shortest useful window.
        """
        if folder is None:
            with tempfile.TemporaryDirectory(prefix="page4d-") as scratch:
                return _in_memory(self.estimate(plate, tracks, settings, progress, Path(scratch)))
        eye = self._open_eye(plate.images)
        stitched = stitch(
            plate.images, eye.length, eye.overlap, eye.predict, folder, lambda done: progress(_NETWORK * done)
        )
        geometry = footage_geometry(stitched.geometry, plate.pixels)
        still = still_tracks(plate, tracks, geometry.motion, lambda done: progress(_NETWORK + (1 - _NETWORK) * done))
        return replace(geometry, static_tracks=still, notes=stitch_notes(stitched))

    def plan(self, frames: int, size: tuple[int, int], free_bytes: int) -> int:
        """How many of so many frames the released network sees at once on this machine's device.

        Args:
            size: width and height of its pictures, pixels.
            free_bytes: of the device's memory, before the weights are there.

        Raises:
            WindowTooLong: not even two frames fit.
        """
        from model_server.engines.page4d.network_eye import planned_length  # torch, only where it is needed

        return planned_length(frames, size, free_bytes)

    def densify(
        self, images: Array, pixels: PixelMap, geometry: Geometry, solution: Solution, progress: Progress
    ) -> DepthMaps:
        """The network's depth in the solution's unit, of moving things as well."""
        return solved_depth(images, pixels, geometry, solution, progress)


def stitch_notes(stitched: Stitched) -> tuple[str, ...]:
    """What the user should know of the network's geometry, in words."""
    notes = [] if stitched.geometry.motion is not None else [NO_MASK]
    if stitched.weak_seams:
        joins, weak = len(stitched.windows) - 1, len(stitched.weak_seams)
        notes.append(f"{weak} of the {joins} joins between the network's windows of frames are a guess")
    return tuple(notes)


def _long_side(asked: int | None) -> int:
    text = os.environ.get(LONG_SIDE_VARIABLE, str(LONG_SIDE)) if asked is None else str(asked)
    if not text.isdecimal() or int(text) % PATCH or not _SHORTEST <= int(text) <= _LONGEST:
        raise BadInput(
            f"images with a long side of {text} pixels are nothing for the network",
            hint=f"set {LONG_SIDE_VARIABLE} to a multiple of {PATCH} from {_SHORTEST} to {_LONGEST}, or leave it away",
        )
    return int(text)


def _in_memory(geometry: Geometry) -> Geometry:
    """The same with maps that do not need their files."""
    depth, confidence, motion = (
        None if values is None else np.array(values)
        for values in (geometry.depth, geometry.confidence, geometry.motion)
    )
    return replace(geometry, depth=depth, confidence=confidence, motion=motion)
