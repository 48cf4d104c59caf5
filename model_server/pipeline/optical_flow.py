"""Dense optical flow between two pictures, and sampling along it."""

import threading
from functools import lru_cache
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from model_server.geometry.cameras import pixel_centers

Image = NDArray[Any]


class DenseFlow(threading.local):
    """OpenCV's DIS, medium preset (T. Kroeger et al., "Fast optical flow using dense inverse search", ECCV 2016).

    Each thread has its own search: it keeps its pyramids in itself.
    """

    def __init__(self) -> None:
        self._search = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)

    def __call__(self, start: Image, end: Image) -> Image:
        """(H, W, 2) float32 with start(p) = end(p + flow(p)), pixels; pictures are (H, W, 3) uint8 sRGB."""
        height, width = start.shape[:2]
        small = max(1.0, _LEAST_SIDE / min(height, width))
        if small > 1.0:  # DIS needs a few patches across the picture
            size = (round(width * small), round(height * small))
            flow = self._between(cv2.resize(start, size), cv2.resize(end, size))
            return np.asarray(
                cv2.resize(flow, (width, height)) * np.array([width / size[0], height / size[1]], np.float32)
            )
        return self._between(start, end)

    def _between(self, start: Image, end: Image) -> Image:
        flow = np.zeros((*start.shape[:2], 2), np.float32)  # the preset starts from its own coarsest scale
        return np.asarray(self._search.calc(_gray(start), _gray(end), flow))


_LEAST_SIDE = 64


def _gray(picture: Image) -> Image:
    return np.asarray(cv2.cvtColor(np.asarray(picture), cv2.COLOR_RGB2GRAY))


def sample(image: Image, points: Image, nearest: bool = False) -> Image:
    """The image at (H, W, 2) positions in its pixels ((0.5, 0.5) is the first center); borders are repeated."""
    how = cv2.INTER_NEAREST if nearest else cv2.INTER_LINEAR
    at = np.asarray(points, np.float32) - np.float32(0.5)
    return np.asarray(
        cv2.remap(np.asarray(image), np.ascontiguousarray(at[..., 0]), np.ascontiguousarray(at[..., 1]), how,
                  borderMode=cv2.BORDER_REPLICATE)
    )  # fmt: skip


def inside(points: Image, width: int, height: int, margin: float = 1.0) -> Image:
    """Which (..., 2) positions lie in the picture, at least `margin` pixels from its border."""
    x, y = points[..., 0], points[..., 1]
    return np.asarray((x > margin) & (x < width - margin) & (y > margin) & (y < height - margin))


@lru_cache(maxsize=4)
def grid(width: int, height: int) -> Image:
    """(H, W, 2) float32 pixel centers; read-only, the same array for all."""
    centers = pixel_centers(width, height).astype(np.float32)
    centers.flags.writeable = False
    return centers
