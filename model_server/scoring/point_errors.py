"""How far a cloud of points is from the true one."""

from collections.abc import Mapping

import numpy as np
from scipy.spatial import cKDTree

from model_server.geometry.shot import Array
from model_server.scoring.umeyama import best_similarity
from model_server.scoring.unscorable import Unscorable

ACCURACY, COMPLETENESS = "accuracy", "completeness"
_FEWEST = 4
_SHOWN = 200_000  # points at most, evenly taken: more change no figure and take minutes


def point_errors(points: Array, truth: Array) -> Mapping[str, float]:
    """Distances between two clouds after the Sim(3) that is best for points of the same pixels (Umeyama 1991).

    Accuracy is from each predicted point to the nearest true one, completeness from each true point to the nearest
    predicted one; mean and median, in the truth's unit. Nothing is refined by nearest points first.

    Args:
        points: (N, 3) in a world of their own.
        truth: (N, 3) what the same pixels see.

    Raises:
        Unscorable: there are too few points, or they are all in one place.
    """
    if len(points) < _FEWEST:
        raise Unscorable(f"{len(points)} pixels with a known depth are too few for points")
    every = -(-len(points) // _SHOWN)
    points, truth = points[::every].astype(np.float64), truth[::every].astype(np.float64)
    aligned = best_similarity(points, truth).points(points)
    accuracy, _ = cKDTree(truth).query(aligned)
    completeness, _ = cKDTree(aligned).query(truth)
    return {
        f"{name}_{what}": float(of(distances))
        for name, distances in ((ACCURACY, accuracy), (COMPLETENESS, completeness))
        for what, of in (("mean", np.mean), ("median", np.median))
    }
