"""A smooth path along the lower side of what was measured.

Where a thing touches the ground its lowest pixels tell how far away it is. All that goes wrong moves them up the
picture and the thing away: a foot in the air, one that is hidden, one that was not found. So the path runs below most
of the measurements: a quantile (R. Koenker and G. Bassett, "Regression quantiles", Econometrica 1978) of a smooth curve
(P. Eilers, "A perfect smoother", Analytical Chemistry 2003), solved by reweighting.
"""

import numpy as np
from scipy.linalg import solveh_banded

from model_server.geometry.shot import Array

_QUANTILE = 0.3  # of the measurements lie below the path
_STIFFNESS = 200.0  # swings of fewer than about 24 frames are smoothed away, steady motion is not
_CLOSE = 0.01  # residuals below this count as one that is as large
_ROUNDS = 12
_FAINT = 1e-6  # weight of what was not measured, so that ends stay where the nearest measurement is


def lower_path(frames: Array, values: Array, measured: Array) -> Array:
    """The smooth path, at every frame.

    Args:
        frames: (n,) numbers of the frames, ascending; some may be missing.
        values: (n,) measurements, of the size of 1.
        measured: (n,) bool: which of them count; at least one.

    Returns:
        (n,); before the first measurement and after the last one it stays level.
    """
    first, last = int(frames[0]), int(frames[-1])
    places = frames - first
    nearest = np.interp(np.arange(last - first + 1), places[measured], values[measured])
    target, weights = nearest.copy(), np.full(len(nearest), _FAINT)
    counted = places[measured]
    path = nearest
    for _ in range(_ROUNDS):
        off = target[counted] - path[counted]
        side = np.where(off > 0, _QUANTILE, 1 - _QUANTILE)
        weights[counted] = side * _CLOSE / np.maximum(np.abs(off), _CLOSE)
        path = _smooth(target, weights)
    begin, end = counted[0], counted[-1]
    path[:begin], path[end + 1 :] = path[begin], path[end]
    return np.asarray(path[places])


def _smooth(target: Array, weights: Array) -> Array:
    """The curve that is near to `target` by weight, with small second differences."""
    count = len(target)
    bands = np.zeros((3, count))
    bands[0] = weights
    if count > 2:
        for offset, products in ((0, ((1, 1), (-2, -2), (1, 1))), (1, ((1, -2), (-2, 1))), (2, ((1, 1),))):
            for start, (one, other) in enumerate(products):
                bands[offset, start : start + count - 2] += _STIFFNESS * one * other
    return np.asarray(solveh_banded(bands, weights * target, lower=True))
