"""Frames of a dataset cut and scaled to one size, with the depth and the lens that then belong to them.

MODEL_SPEC 5.5, but that the picture's aspect is kept: official training scales width and height apart.
"""

from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from model_server.training.readers.reader import FrameTruth

_LEAST_FACTOR, _MOST_FACTOR = 0.8, 1.2
_LEAST_SHARE = 0.25  # of the image, however far its principal point is from the middle


@dataclass(frozen=True)
class CropWindow:
    """Whole pixels of the image that are kept."""

    left: int
    top: int
    width: int
    height: int


def random_factors(rng: np.random.Generator) -> tuple[float, float]:
    """How much of the width and of the height is kept: all, half of the time."""
    x, y = rng.uniform(_LEAST_FACTOR, _MOST_FACTOR, 2)
    return min(float(x), 1.0), min(float(y), 1.0)


def crop_window(frame: FrameTruth, factors: tuple[float, float], height: int, width: int) -> CropWindow:
    """The largest window of the aspect width / height in those shares of the image.

    It is centered on the principal point, where there is one, and as wide and high as that lets it be.
    """
    sides = frame.image.shape[1::-1]
    centers = [side / 2 for side in sides] if frame.intrinsics is None else frame.intrinsics[:2, 2].tolist()
    reach = [
        max(min(factor * side, 2 * center, 2 * (side - center)), _LEAST_SHARE * side)
        for side, center, factor in zip(sides, centers, factors)
    ]
    scale = min(reach[0] / width, reach[1] / height)
    kept = [max(1, min(side, round(scale * wanted))) for side, wanted in zip(sides, (width, height))]
    left, top = [min(max(round(center - size / 2), 0), side - size) for side, center, size in zip(sides, centers, kept)]
    return CropWindow(left, top, kept[0], kept[1])


def cropped(frame: FrameTruth, window: CropWindow, height: int, width: int, *, sparse: bool = False) -> FrameTruth:
    """The window of the frame at that size.

    Colors are averaged where it gets smaller and interpolated (Lanczos) where it gets larger. Depth and what moves are
    those of the pixel that the new pixel's center lies in; where depth is sparse, the nearest of all points that fall
    into the new pixel, so that no point is lost. The lens follows the window exactly.
    """
    kept = np.s_[window.top : window.top + window.height, window.left : window.left + window.width]
    scale_x, scale_y = width / window.width, height / window.height
    how = cv2.INTER_AREA if scale_x * scale_y < 1 else cv2.INTER_LANCZOS4
    rows, columns = _centers_in(window.height, height), _centers_in(window.width, width)
    dense = frame.depth[kept][rows[:, None], columns]
    return replace(
        frame,
        image=cv2.resize(frame.image[kept], (width, height), interpolation=how).astype(np.uint8, copy=False),
        depth=_nearest_points(frame.depth[kept], height, width) if sparse else dense,
        intrinsics=None if frame.intrinsics is None else _lens(frame.intrinsics, window, scale_x, scale_y),
        moving=None if frame.moving is None else frame.moving[kept][rows[:, None], columns],
    )


def _lens(intrinsics: NDArray[np.float64], window: CropWindow, scale_x: float, scale_y: float) -> NDArray[np.float64]:
    moved = np.array([[1, 0, -window.left], [0, 1, -window.top], [0, 0, 1]], np.float64)
    return np.diag([scale_x, scale_y, 1.0]) @ moved @ intrinsics


def _centers_in(old: int, new: int) -> NDArray[np.intp]:
    """The old pixel that each new pixel's center lies in."""
    return ((np.arange(new) + 0.5) * old / new).astype(np.intp)


def _nearest_points(depth: NDArray[np.float32], height: int, width: int) -> NDArray[np.float32]:
    """Points moved into the new pixels, the nearest of each; 0 where none fell."""
    rows, columns = np.nonzero(depth)
    to = _centers_in(height, depth.shape[0])[rows], _centers_in(width, depth.shape[1])[columns]
    nearest = np.full((height, width), np.inf, np.float32)
    np.minimum.at(nearest, to, depth[rows, columns])
    nearest[np.isinf(nearest)] = 0
    return nearest
