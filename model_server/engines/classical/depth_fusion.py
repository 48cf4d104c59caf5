"""What several frames' depth maps agree on.

A depth counts as measured only where other frames, each on its own, found the same point in space (J. Schoenberger et
al., "Pixelwise view selection for unstructured multi-view stereo", ECCV 2016); what agrees is then fused by its median,
which also steadies it over time (P. Merrell et al., "Real-time visibility-based fusion of depth maps", ICCV 2007).
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from model_server.engines.classical.photographs import View, source_from_reference

Image = NDArray[np.float32]


def fuse_depth(
    reference: View, inverse_depth: Image, others: list[tuple[View, Image]], agreement: float
) -> tuple[Image, NDArray[np.uint8]]:
    """Compare one depth map with those of other frames.

    Args:
        reference: camera of the map.
        inverse_depth: (h, w), 0 = unknown.
        others: views of the same size, with their (h, w) inverse depth, 0 = unknown.
        agreement: how far two maps that agree may be apart, a share of the depth.

    Returns:
        (h, w) median inverse depth of the maps that agree, the frame's own included, and how many others agree.
    """
    height, width = inverse_depth.shape
    x, y = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    ratios = np.full((len(others) + 1, height, width), np.nan, np.float32)
    ratios[0] = 1
    for index, (view, other) in enumerate(others):
        turned, moved = (part.astype(np.float32) for part in source_from_reference(reference, view))
        u, v, z = (row[0] * x + row[1] * y + row[2] + inverse_depth * m for row, m in zip(turned, moved))
        ahead = z > 1e-6
        z = np.where(ahead, z, np.float32(1))
        there = cv2.remap(other, u / z, v / z, cv2.INTER_NEAREST)
        ratio = there * z / np.maximum(inverse_depth, 1e-9)  # that frame's inverse depth over the one expected there
        agrees = ahead & (np.abs(ratio - 1) < agreement)
        ratios[index + 1][agrees] = ratio[agrees]
    support = np.isfinite(ratios[1:]).sum(axis=0, dtype=np.uint8)
    return inverse_depth * _nan_median(ratios), support


def _nan_median(stack: Image) -> Image:
    """Lower median over the first axis of what is finite; at least one is."""
    stack.sort(axis=0)  # NaN sorts last
    middle = (np.isfinite(stack).sum(axis=0) - 1) // 2
    return np.asarray(np.take_along_axis(stack, middle[None], axis=0)[0])


def points_of_others(reference: View, others: list[tuple[View, Image]]) -> Image:
    """(h, w) inverse depth of the nearest point that the others measured behind each pixel; 0 = none.

    Args:
        reference: the view to look from.
        others: views of the same size, with their (h, w) inverse depth, 0 = unknown.
    """
    height, width = reference.gray.shape
    nearest = np.zeros(height * width, np.float32)
    for view, other in others:
        y, x = np.nonzero(other)
        inverse_depth = other[y, x]
        turned, moved = (part.astype(np.float32) for part in source_from_reference(view, reference))
        u, v, z = (row[0] * x + row[1] * y + row[2] + inverse_depth * m for row, m in zip(turned, moved))
        ahead = z > 1e-6
        column, row = (np.rint(c[ahead] / z[ahead]).astype(np.int64) for c in (u, v))
        inside = (column >= 0) & (column < width) & (row >= 0) & (row < height)
        seen = (inverse_depth[ahead] / z[ahead])[inside]
        np.maximum.at(nearest, (row * width + column)[inside], seen)
    return nearest.reshape(height, width)
