"""From the size that depth was measured at to the size of the image, with edges where the image has them.

Joint bilateral upsampling (J. Kopf, M. Cohen, D. Lischinski, M. Uyttendaele, SIGGRAPH 2007), except that near and far
are never averaged: at a jump of depth a pixel takes the side that looks like it, so that nothing floats between them.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.float32]

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
    x = (np.arange(width, dtype=np.float32) + 0.5) * values.shape[1] / width - 0.5
    y = (np.arange(height, dtype=np.float32) + 0.5) * values.shape[0] / height - 0.5
    left, top = np.floor(x).astype(int), np.floor(y).astype(int)
    samples, extras, weights = [], [], []
    for down in (0, 1):
        for along in (0, 1):
            rows, columns = top + down, left + along
            nearness = np.outer(1 - np.abs(y - rows), 1 - np.abs(x - columns)).astype(np.float32)
            index = np.ix_(np.clip(rows, 0, values.shape[0] - 1), np.clip(columns, 0, values.shape[1] - 1))
            difference = cv2.absdiff(large, small[index]).max(axis=-1).astype(np.float32)
            samples.append(values[index])
            extras.append(extra[index])
            weights.append((nearness + 0.05) * np.exp(-difference / LOOKS_ALIKE_LEVELS) + 1e-6)
    stack, weight = np.stack(samples), np.stack(weights)
    best = weight.argmax(axis=0)[None]
    chosen = np.take_along_axis(stack, best, axis=0)
    weight *= np.abs(stack / chosen - 1) < JUMP
    mean = (stack * weight).sum(axis=0) / weight.sum(axis=0)
    return mean, np.take_along_axis(np.stack(extras), best, axis=0)[0]
