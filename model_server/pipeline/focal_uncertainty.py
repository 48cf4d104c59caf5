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

_COLUMNS, _ROWS = 4, 2  # parts of the picture, with as many tracks each
_MOST_SIGHTINGS = 30_000  # more of them, on the same surfaces, tell little more


def focal_uncertainty(inliers: PointSightings, focal: Callable[[PointSightings], float]) -> float:
    """One standard deviation of the focal length that (M,) sightings tell, in the units of `focal`.

    Args:
        focal: what other sightings of the same tracks would tell.
    """
    inliers = thinned(inliers, _MOST_SIGHTINGS // len(np.unique(inliers.frames)))
    part = _parts(inliers)
    focals = [focal(kept(inliers, part != left_out)) for left_out in range(_COLUMNS * _ROWS)]
    return float(np.sqrt((len(focals) - 1) * np.var(focals)))


def _parts(inliers: PointSightings) -> Array:
    """(M,) the part of the picture in which each sighting's track is on average."""
    _, track, count = np.unique(inliers.tracks, return_inverse=True, return_counts=True)
    x, y = (np.bincount(track, inliers.positions[:, axis]) / count for axis in (0, 1))
    column, row = _ranked(x, _COLUMNS), np.zeros(len(x), np.int64)
    for number in range(_COLUMNS):
        row[column == number] = _ranked(y[column == number], _ROWS)
    return np.asarray((column * _ROWS + row)[track])


def _ranked(values: Array, parts: int) -> Array:
    """(n,) which of as many parts of like size each value is in, from the least."""
    return np.asarray(np.argsort(np.argsort(values)) * parts // max(1, len(values)))
