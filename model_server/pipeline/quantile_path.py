"""A smooth path through what was measured over time, below or among most of it.

A quantile (R. Koenker and G. Bassett, "Regression quantiles", Econometrica 1978) of a smooth curve (P. Eilers, "A
perfect smoother", Analytical Chemistry 2003), solved by reweighting: what is far off counts for little.
"""

import numpy as np
from scipy.linalg import solveh_banded

from model_server.geometry.shot import Array

_CLOSE = 0.01  # residuals below this count as one that is as large
_ROUNDS = 12
_FAINT = 1e-6  # weight of what was not measured, so that ends stay where the nearest measurement is


def quantile_path(frames: Array, values: Array, measured: Array, quantile: float, swing: float) -> Array:
    """The path at every frame.

    Args:
        frames: (n,) numbers of the frames, ascending; some may be missing.
        values: (n,) measurements, of the size of 1.
        measured: (n,) bool: which of them count; at least one.
        quantile: share of the measurements that lie below the path.
        swing: frames; swings that take less time are smoothed away, steady motion is not.

    Returns:
        (n,); before the first measurement and after the last one it stays level.
    """
    first, last = int(frames[0]), int(frames[-1])
    places = frames - first
    nearest = np.interp(np.arange(last - first + 1), places[measured], values[measured])
    target, weights = nearest.copy(), np.full(len(nearest), _FAINT)
    counted = places[measured]
    path, stiffness = nearest, (swing / (2 * np.pi)) ** 4
    for _ in range(_ROUNDS):
        off = target[counted] - path[counted]
        side = np.where(off > 0, quantile, 1 - quantile)
        weights[counted] = side * _CLOSE / np.maximum(np.abs(off), _CLOSE)
        path = _smooth(target, weights, stiffness)
    begin, end = counted[0], counted[-1]
    path[:begin], path[end + 1 :] = path[begin], path[end]
    return np.asarray(path[places])


def _smooth(target: Array, weights: Array, stiffness: float) -> Array:
    """The curve that is near to `target` by weight, with small second differences."""
    count = len(target)
    bands = np.zeros((3, count))
    bands[0] = weights
    if count > 2:
        for offset, products in ((0, ((1, 1), (-2, -2), (1, 1))), (1, ((1, -2), (-2, 1))), (2, ((1, 1),))):
            for start, (one, other) in enumerate(products):
                bands[offset, start : start + count - 2] += stiffness * one * other
    return np.asarray(solveh_banded(bands, weights * target, lower=True))
