"""The small network that comes with the server, in front of the classical engine's own eyes.

It sees pictures of 112 pixels: enough to say how the camera goes and what moves, too coarse for depth that an artist
can use. So its cameras are what the solve begins with, its motion is evidence, and depth is measured by stereo at the
classical engine's size.
"""

import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np

from model_server.engines.classical.engine import ClassicalEngine
from model_server.engines.engine import WeightsFacts
from model_server.engines.page4d.engine import PATCH, OpenEye, stitch_notes
from model_server.engines.page4d.footage_geometry import footage_geometry
from model_server.engines.page4d.still_tracks import still_tracks
from model_server.engines.page4d.stitch import stitch
from model_server.engines.page4d.weights.shipped import MINI
from model_server.geometry.pixel_map import PixelMap, fit_long_side
from model_server.geometry.shot import Array, DepthMaps, Geometry, Plate, Progress, Solution, Tracks
from model_server.settings import SolveSettings

LONG_SIDE = 112  # pixels: what it has learned on
_SHRUNK, _LOOKED = 0.1, 0.8  # shares of the stage


class MiniEngine:
    """Knows cameras and what moves at a glance; depth is the classical engine's."""

    name = MINI
    long_side = ClassicalEngine.long_side
    multiple = ClassicalEngine.multiple

    def __init__(self, weights: WeightsFacts, open_eye: OpenEye) -> None:
        """Nothing is loaded yet; `open_eye` is called when the shot's turn comes."""
        self.weights: WeightsFacts | None = weights
        self._open_eye = open_eye

    def estimate(
        self, plate: Plate, tracks: Tracks, settings: SolveSettings, progress: Progress, folder: Path | None = None
    ) -> Geometry:
        """Cameras and motion as the network sees them in the distorted plate, and which tracks stand still by both."""
        with tempfile.TemporaryDirectory(prefix="page4d-mini-") as scratch:
            images = shrunk(plate.images, lambda done: progress(_SHRUNK * done))
            eye = self._open_eye(images)
            seen = stitch(
                images,
                eye.length,
                eye.overlap,
                eye.predict,
                Path(scratch),
                lambda done: progress(_SHRUNK + (_LOOKED - _SHRUNK) * done),
            )
            height, width = images.shape[1:3]
            pixels = PixelMap(scale=(plate.width / width, plate.height / height))
            found = footage_geometry(seen.geometry, pixels)
            motion = None if found.motion is None else _enlarged(found.motion, plate.images.shape[:3], folder)
        still = still_tracks(plate, tracks, motion, lambda done: progress(_LOOKED + (1 - _LOOKED) * done))
        return replace(found, depth=None, confidence=None, motion=motion, static_tracks=still, notes=stitch_notes(seen))

    def densify(
        self, images: Array, pixels: PixelMap, geometry: Geometry, solution: Solution, progress: Progress
    ) -> DepthMaps:
        """Depth as the classical engine measures it."""
        return ClassicalEngine().densify(images, pixels, geometry, solution, progress)


def shrunk(images: Array, progress: Callable[[float], None]) -> Array:
    """(F, H, W, 3) uint8 pictures as the network sees them: the whole picture, both sides multiples of the patch."""
    height, width = images.shape[1:3]
    size = fit_long_side(width, height, LONG_SIDE, PATCH)
    small = np.empty((len(images), size[1], size[0], 3), np.uint8)
    for frame, image in enumerate(images):
        small[frame] = cv2.resize(np.asarray(image), size, interpolation=cv2.INTER_AREA)
        progress((frame + 1) / len(images))
    return small


def _enlarged(motion: Array, shape: tuple[int, int, int], folder: Path | None) -> Array:
    """(F, h, w) maps at (F, H, W), in a file where there is a folder for it."""
    if folder is None:
        large = np.empty(shape, np.float32)
    else:
        large = np.lib.format.open_memmap(folder / "motion.npy", "w+", np.float32, shape)
    for frame, values in enumerate(motion):
        cv2.resize(np.asarray(values, np.float32), shape[:0:-1], dst=large[frame], interpolation=cv2.INTER_LINEAR)
    return large
