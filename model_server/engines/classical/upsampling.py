"""From the size that depth was measured at to the size of the image, with edges where the image has them.

Joint bilateral upsampling (J. Kopf, M. Cohen, D. Lischinski, M. Uyttendaele, SIGGRAPH 2007), except that near and far
are never averaged: at a jump of depth a pixel takes the side that looks like it, so that nothing floats between them.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.float32]
Index = NDArray[np.intp]

LOOKS_ALIKE_LEVELS = 8.0  # a color difference of this many levels weakens a sample by e
JUMP = 0.04  # relative difference of depth between samples that must not be averaged


def upsample(values: Image, extra: Image, small: NDArray[np.uint8], large: NDArray[np.uint8]) -> tuple[Image, Image]:
    """Bring inverse depth, and a second map along with it, to the image's size.

    Args:
        values: (h, w) inverse depth, above 0.
        extra: (h, w), taken from the same samples.
        small: (h, w, 3), the image at that size.
        large: (H, W, 3), the image.

    Returns:
        Both maps, (H, W).
    """
    height, width = large.shape[:2]
    result = np.asarray(cv2.resize(values, (width, height), interpolation=cv2.INTER_LINEAR), np.float32)
    along = np.asarray(cv2.resize(extra, (width, height), interpolation=cv2.INTER_NEAREST), np.float32)
    square = np.ones((3, 3), np.uint8)
    jumps = (cv2.dilate(values, square) > (1 + JUMP) * cv2.erode(values, square)).astype(np.uint8)
    rows, columns = np.nonzero(cv2.resize(jumps, (width, height), interpolation=cv2.INTER_NEAREST))
    result[rows, columns], along[rows, columns] = _side_that_looks_alike(values, extra, small, large, rows, columns)
    return result, along


def _side_that_looks_alike(
    values: Image, extra: Image, small: NDArray[np.uint8], large: NDArray[np.uint8], rows: Index, columns: Index
) -> tuple[Image, Image]:
    """(n,) of both maps, at pixels of `large`."""
    y = (rows.astype(np.float32) + 0.5) * (values.shape[0] / large.shape[0]) - 0.5
    x = (columns.astype(np.float32) + 0.5) * (values.shape[1] / large.shape[1]) - 0.5
    top, left, colors = np.floor(y).astype(int), np.floor(x).astype(int), large[rows, columns].astype(np.int16)
    samples, extras, weights = [], [], []
    for down in (0, 1):
        for along in (0, 1):
            row, column = top + down, left + along
            nearness = (1 - np.abs(y - row)) * (1 - np.abs(x - column))
            index = np.clip(row, 0, values.shape[0] - 1), np.clip(column, 0, values.shape[1] - 1)
            difference = np.abs(colors - small[index]).max(axis=-1).astype(np.float32)
            samples.append(values[index])
            extras.append(extra[index])
            weights.append((nearness + 0.05) * np.exp(-difference / LOOKS_ALIKE_LEVELS) + 1e-6)
    stack, weight = np.stack(samples), np.stack(weights)
    best = weight.argmax(axis=0)[None]
    weight *= np.abs(stack / np.take_along_axis(stack, best, axis=0) - 1) < JUMP
    mean = (stack * weight).sum(axis=0) / weight.sum(axis=0)
    return mean, np.take_along_axis(np.stack(extras), best, axis=0)[0]
