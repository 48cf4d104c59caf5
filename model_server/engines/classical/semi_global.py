"""Semi-global matching: smooth depth out of a noisy cost volume, along straight paths through the picture.

After H. Hirschmueller, "Stereo processing by semiglobal matching and mutual information" (PAMI 2008). Each path is a
short program of whole-row operations, so that numpy runs it at the speed of memory.
"""

import numpy as np
from numpy.typing import NDArray

SMALL_STEP = 8  # penalty of one plane's difference: slanted surfaces
LARGE_STEP = 70  # penalty of a jump where the picture is flat
LEAST_LARGE_STEP = 16  # and across a strong edge of the picture, where depth is likely to jump
EDGE_GRAY_LEVELS = 8.0  # a difference of this many gray levels halves the penalty of a jump

Costs = NDArray[np.uint8]
PathCosts = NDArray[np.uint16]
Gray = NDArray[np.float32]


def aggregate(costs: Costs, gray: Gray) -> PathCosts:
    """Sum of the path costs from eight directions.

    Args:
        costs: (D, h, w), cost of every plane at every pixel.
        gray: (h, w), 0..255; jumps are cheaper across its edges.

    Returns:
        (D, h, w); the plane with the least value is the answer.
    """
    total = np.zeros(costs.shape, np.uint16)
    for slant in (-1, 0, 1):
        _add_path(total, costs, gray, slant)
        _add_path(total[:, ::-1], costs[:, ::-1], gray[::-1], slant)
    sideways = np.zeros((costs.shape[0], costs.shape[2], costs.shape[1]), np.uint16)
    turned = np.ascontiguousarray(costs.transpose(0, 2, 1))
    _add_path(sideways, turned, gray.T, 0)
    _add_path(sideways[:, ::-1], turned[:, ::-1], gray.T[::-1], 0)
    total += sideways.transpose(0, 2, 1)
    return total


def _add_path(total: PathCosts, costs: Costs, gray: Gray, slant: int) -> None:
    """Add the costs of all paths that come from the row above, `slant` columns to the left."""
    penalties = _jump_penalties(gray, slant)
    previous = np.zeros((costs.shape[0], costs.shape[2]), np.uint16)
    shifted, neighbor = np.zeros_like(previous), np.empty_like(previous)
    for row in range(costs.shape[1]):
        if slant:
            shifted[:] = 0
            columns = (slice(1, None), slice(None, -1)) if slant > 0 else (slice(None, -1), slice(1, None))
            shifted[:, columns[0]] = previous[:, columns[1]]
            previous, shifted = shifted, previous
        least = previous.min(axis=0)
        best = np.minimum(previous, least + penalties[row])
        np.add(previous, SMALL_STEP, out=neighbor)
        np.minimum(best[1:], neighbor[:-1], out=best[1:])
        np.minimum(best[:-1], neighbor[1:], out=best[:-1])
        best -= least
        best += costs[:, row]
        total[:, row] += best
        previous = best


def _jump_penalties(gray: Gray, slant: int) -> PathCosts:
    before = np.roll(gray[:-1], slant, axis=1)
    difference = np.zeros(gray.shape, np.float32)
    difference[1:] = np.abs(gray[1:] - before)
    penalties = LARGE_STEP / (1 + difference / EDGE_GRAY_LEVELS)
    return np.maximum(penalties, LEAST_LARGE_STEP).astype(np.uint16)
