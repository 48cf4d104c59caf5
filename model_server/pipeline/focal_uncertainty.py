"""How well a shot knows its focal length.

The covariance of a bundle adjustment takes every sighting for a measurement of its own. Those of one track, and of
tracks on one surface, are off together, by how a corner looks from elsewhere; so it promises several times too much.
Left out together, they show how far they pull (the jackknife: B. Efron, C. Stein, Annals of Statistics 1981; by blocks:
H. Künsch, Annals of Statistics 1989).
"""

from collections.abc import Callable

import numpy as np

from model_server.geometry.shot import Array
from model_server.geometry.triangulation import PointSightings
from model_server.pipeline.agreement import kept, thinned
from model_server.pipeline.bundle import Bundle

_COLUMNS, _ROWS = 4, 2  # parts of the picture, with as many tracks each
_MOST_SIGHTINGS = 60_000  # of a longer shot each frame tells less than it could


def focal_uncertainty(
    bundle: Bundle, inliers: PointSightings, adjusted: Callable[[Bundle, PointSightings], Bundle]
) -> float:
    """One standard deviation of the focal length, in square pixels; NaN where it is locked.

    Args:
        bundle: adjusted on `inliers`.
        adjusted: adjusts a bundle on sightings.
    """
    if bundle.lens.lock_focal:
        return float("nan")
    inliers = thinned(inliers, _MOST_SIGHTINGS // len(np.unique(inliers.frames)))
    part = _parts(inliers, len(bundle.points))[inliers.tracks]
    focals = [adjusted(bundle, kept(inliers, part != left_out)).lens.focal for left_out in range(_COLUMNS * _ROWS)]
    return float(np.sqrt((len(focals) - 1) * np.var(focals)))


def _parts(inliers: PointSightings, count: int) -> Array:
    """(count,) the part of the picture in which each track is on average."""
    sightings = np.maximum(np.bincount(inliers.tracks, minlength=count), 1)
    x, y = (np.bincount(inliers.tracks, inliers.positions[:, axis], count) / sightings for axis in (0, 1))
    seen = np.unique(inliers.tracks)
    column, part = np.zeros(count, np.int64), np.full(count, -1)
    column[seen] = _ranked(x[seen], _COLUMNS)
    for number in range(_COLUMNS):
        inside = seen[column[seen] == number]
        part[inside] = number * _ROWS + _ranked(y[inside], _ROWS)
    return part


def _ranked(values: Array, parts: int) -> Array:
    """(n,) which of as many parts of like size each value is in, from the least."""
    return np.asarray(np.argsort(np.argsort(values)) * parts // max(1, len(values)))
