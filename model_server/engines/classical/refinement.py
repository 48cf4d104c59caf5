"""Depth between the planes of a sweep.

Around each pixel's own first depth a few finer steps are tried, the whole map moved at once: the windows that are
compared then follow the surface as it lies, and not the planes of the sweep (the slanted windows of M. Bleyer,
C. Rhemann, C. Rother, "PatchMatch stereo", BMVC 2011).
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from model_server.engines.classical.photographs import Comparison, View, mean_of_better_half, source_from_reference

Image = NDArray[np.float32]

STEPS = 4  # tried on each side of the first depth
WINDOW = 7  # pixels


def refine(reference: View, sources: list[View], inverse_depth: Image, step: float) -> tuple[Image, Image]:
    """Move each pixel's inverse depth to where the photographs agree best.

    Args:
        reference: the photograph that depth is wanted for, (h, w).
        sources: one or more to compare it with.
        inverse_depth: (h, w), the first guess.
        step: how far apart the guesses are, in inverse depth.

    Returns:
        (h, w) inverse depth, and what it costs to believe in it.
    """
    height, width = reference.gray.shape
    comparison = Comparison(reference.gray, WINDOW)
    maps = [
        _rays(turned, moved, width, height) for turned, moved in (source_from_reference(reference, s) for s in sources)
    ]
    costs = np.empty((2 * STEPS + 1, height, width), np.float32)
    for trial in range(2 * STEPS + 1):
        moved_depth = inverse_depth + np.float32((trial - STEPS) * step)
        compared = []  # floats: bytes would tie, and ties take the farthest
        for source, (rays, moved) in zip(sources, maps):
            x, y, z = (ray + moved_depth * m for ray, m in zip(rays, moved))
            z = np.where(z > 1e-6, z, np.float32(-1e-6))
            warped = cv2.remap(source.gray, x / z, y / z, cv2.INTER_LINEAR)
            compared.append(comparison.cost(np.asarray(warped, np.float32)))
        costs[trial] = mean_of_better_half(compared)
    best = np.clip(costs.argmin(axis=0), 1, 2 * STEPS - 1)
    three = [np.take_along_axis(costs, (best + k)[None], 0)[0] for k in (-1, 0, 1)]
    return np.asarray(inverse_depth + (best + parabola_offset(*three) - STEPS) * np.float32(step)), three[1]


def parabola_offset(before: Image, least: Image, after: Image) -> Image:
    """(h, w) in -1..1: where the parabola through three costs, one step apart, is lowest."""
    bend = before + after - 2 * least
    return np.clip(np.where(bend > 0, (before - after) / np.maximum(2 * bend, 1e-6), 0), -1, 1).astype(np.float32)


def _rays(
    turned: NDArray[np.float64], moved: NDArray[np.float64], width: int, height: int
) -> tuple[list[Image], Image]:
    x, y = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    rows = turned.astype(np.float32)
    return [row[0] * x + row[1] * y + row[2] for row in rows], moved.astype(np.float32)
