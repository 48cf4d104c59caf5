"""The artist's own mattes: one black-and-white image a frame, found by the footage's frame numbers."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from model_server.errors import BadFootage
from model_server.footage.images import read_coverage

HALF = 127  # above this a pixel counts as the thing
_STEP_PX = 8  # white grows by disks of this radius: their sum is a disk, and small ones are quick


@dataclass(frozen=True)
class MatteClip:
    """Mattes of one thing, read when a frame is asked for. Made by `open_mattes`."""

    name: str
    files: tuple[Path | None, ...]  # one for each frame of the clip; None: the artist has no matte for it
    width: int  # of the footage
    height: int
    invert: bool = False
    dilate_px: int = 0

    def frame(self, index: int) -> NDArray[np.uint8] | None:
        """(height, width), footage pixels, as the plate is: 255 the thing, its edges as soft as the artist's.

        None where there is no matte.

        Raises:
            BadFootage: the image can't be read any more.
        """
        file = self.files[index]
        if file is None:
            return None
        matte = read_coverage(file)
        if matte.shape != (self.height, self.width):
            is_larger = matte.shape[0] > self.height
            how = cv2.INTER_AREA if is_larger else cv2.INTER_LINEAR
            matte = np.asarray(cv2.resize(matte, (self.width, self.height), interpolation=how), np.uint8)
        return _dilated(255 - matte if self.invert else matte, self.dilate_px)


def look_through(
    files: tuple[Path, ...], size: tuple[int, int], invert: bool, progress: Callable[[float], None]
) -> bool:
    """Decode every matte once; runs where a decoder may crash, see check.py.

    Args:
        size: width and height of the footage.

    Returns:
        Whether any of them shows anything.

    Raises:
        BadFootage: an image can't be read, or has another shape than the footage.
    """
    shows = False
    for index, file in enumerate(files):
        matte = read_coverage(file)
        _check_shape(file, matte.shape[1], matte.shape[0], size)
        shows |= bool((matte < 255 - HALF).any() if invert else (matte > HALF).any())
        progress((index + 1) / len(files))
    return shows


def _check_shape(file: Path, width: int, height: int, size: tuple[int, int]) -> None:
    """The footage's shape up to one pixel, which is what rounding a smaller size leaves."""
    if abs(width - height * size[0] / size[1]) > 1 and abs(height - width * size[1] / size[0]) > 1:
        raise BadFootage(
            f"the matte '{file.name}' has {width} x {height} pixels, which is not the shape of the footage's"
            f" {size[0]} x {size[1]}",
            hint="render the mattes at the footage's size, or at one of the same shape",
        )


def _dilated(matte: NDArray[np.uint8], radius: int) -> NDArray[np.uint8]:
    """White grown by `radius` pixels all around; soft edges move out and stay soft."""
    while radius > 0 and matte.min() < 255:
        step = min(radius, _STEP_PX)
        disk = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * step + 1, 2 * step + 1))
        matte = np.asarray(cv2.dilate(matte, disk), np.uint8)
        radius -= step
    return matte
