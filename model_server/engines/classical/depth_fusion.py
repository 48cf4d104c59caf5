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

HIDDEN = 1.1  # ratio of inverse depths from which one thing stands before another


def fuse_depth(
    reference: View, inverse_depth: Image, others: list[tuple[View, Image]], agreement: float
) -> tuple[Image, NDArray[np.uint8], NDArray[np.uint8]]:
    """Compare one depth map with those of other frames.

    Args:
        reference: camera of the map.
        inverse_depth: (h, w), above 0.
        others: views of the same size, with their (h, w) inverse depth, 0 = unknown.
        agreement: how far two maps that agree may be apart, a share of the depth.

    Returns:
        (h, w) median inverse depth of the maps that agree, the frame's own included; how many others agree; how many
        could have, for they know a depth there.
    """
    if not others:
        none = np.zeros(inverse_depth.shape, np.uint8)
        return inverse_depth, none, none
    ratios = np.stack(
        [
            _ratio(_places(reference, inverse_depth, view), inverse_depth, other, cv2.INTER_NEAREST)
            for view, other in others
        ]
    )
    knowing = (ratios > 0).sum(axis=0, dtype=np.uint8)
    ratios[~(np.abs(ratios - 1) < agreement)] = np.nan
    support = np.isfinite(ratios).sum(axis=0, dtype=np.uint8)
    return inverse_depth * _median_with_own(ratios), support, knowing


def steady_depth(reference: View, inverse_depth: Image, others: list[tuple[View, Image, Image]]) -> Image:
    """(h, w) median inverse depth of the frame's own map and of all others that see the place, agree or not.

    What a single frame got wrong is outvoted, and what is shown hardly changes from one frame to the next. A frame that
    measured something nearer there does not see the place, and has no vote.

    Args:
        reference: camera of the map.
        inverse_depth: (h, w), above 0.
        others: views of the same size, with their (h, w) inverse depth, above 0, and what of it was measured, else 0.
    """
    if not others:
        return inverse_depth
    ratios = np.empty((len(others), *inverse_depth.shape), np.float32)
    for ratio, (view, other, measured) in zip(ratios, others):
        places = _places(reference, inverse_depth, view)
        ratio[:] = _ratio(places, inverse_depth, other, cv2.INTER_LINEAR)
        ratio[_ratio(places, inverse_depth, measured, cv2.INTER_NEAREST) > HIDDEN] = np.nan
    return inverse_depth * _median_with_own(ratios)


def _places(reference: View, inverse_depth: Image, view: View) -> tuple[Image, Image, Image]:
    """Where the pixels of one view are in another: (h, w) column, row, and depth over the one here; NaN behind it."""
    height, width = inverse_depth.shape
    x, y = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    turned, moved = (part.astype(np.float32) for part in source_from_reference(reference, view))
    u, v, z = (row[0] * x + row[1] * y + row[2] + inverse_depth * m for row, m in zip(turned, moved))
    z[z <= 1e-6] = np.nan
    u /= z
    v /= z
    return u, v, z


def _ratio(places: tuple[Image, Image, Image], inverse_depth: Image, other: Image, interpolation: int) -> Image:
    """(h, w): the other's inverse depth over the one expected there; 0 where unknown, NaN where it does not see."""
    u, v, z = places
    ratio = np.asarray(cv2.remap(other, u, v, interpolation, borderValue=float("nan")), np.float32)
    ratio *= z
    ratio /= inverse_depth
    return ratio


def _median_with_own(ratios: Image) -> Image:
    """(h, w) lower median of what is finite in (n, h, w), and of 1."""
    stack = np.concatenate([np.ones_like(ratios[:1]), ratios])
    stack.sort(axis=0)  # NaN sorts last
    middle = (np.isfinite(stack).sum(axis=0) - 1) // 2
    return np.asarray(np.take_along_axis(stack, middle[None], axis=0)[0])


def points_of_others(reference: View, others: list[tuple[View, Image]], agreement: float) -> Image:
    """(h, w) inverse depth of the nearest point that the others measured behind each pixel; 0 = none.

    What only one of several measured there is left out.

    Args:
        reference: the view to look from.
        others: views of the same size, with their (h, w) inverse depth, 0 = unknown.
        agreement: how far two points that agree may be apart, a share of the depth.
    """
    height, width = reference.gray.shape
    seen = np.zeros((len(others), height * width), np.float32)
    for flat, (view, other) in zip(seen, others):
        y, x = np.nonzero(other)
        inverse_depth = other[y, x]
        turned, moved = (part.astype(np.float32) for part in source_from_reference(view, reference))
        u, v, z = (row[0] * x + row[1] * y + row[2] + inverse_depth * m for row, m in zip(turned, moved))
        ahead = z > 1e-6
        column, row = (np.rint(c[ahead] / z[ahead]).astype(np.int64) for c in (u, v))
        inside = (column >= 0) & (column < width) & (row >= 0) & (row < height)
        np.maximum.at(flat, (row * width + column)[inside], (inverse_depth[ahead] / z[ahead])[inside])
    maps = seen.reshape(-1, height, width)
    nearest = np.asarray(maps.max(axis=0))
    square, agreeing = np.ones((3, 3), np.uint8), np.zeros((height, width), np.uint8)
    for one in maps:
        agreeing += np.abs(cv2.dilate(one, square) - nearest) < agreement * nearest
    return np.where(agreeing >= min(2, len(others)), nearest, 0)
