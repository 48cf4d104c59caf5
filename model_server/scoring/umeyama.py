"""The best Sim(3) between two sets of points in order, also where they lie in one line (Umeyama 1991)."""

import numpy as np

from model_server.engines.page4d.similarity import Similarity
from model_server.engines.page4d.similarity_fit import closed_form
from model_server.geometry.shot import Array
from model_server.scoring.unscorable import Unscorable

_PLACE = 1e-6  # of the farthest coordinate: what is no larger is one place, and the rounding of float32


def best_similarity(points: Array, truth: Array) -> Similarity:
    """`truth_from_points` with the least squared distances; (N, 3) both.

    Where either lies in one line, the turn around it is any: no distance depends on it.

    Raises:
        Unscorable: the points, or the true ones, are all in one place.
    """
    require_spread(points, truth)
    return closed_form(points, truth, np.ones(len(points)))


def require_spread(points: Array, truth: Array) -> None:
    """See that neither is all in one place; (N, 3) both.

    Raises:
        Unscorable: one of them is.
    """
    for whose, places in (("predicted", points), ("true", truth)):
        if np.ptp(places, axis=0).max() <= _PLACE * np.abs(places).max():
            raise Unscorable(f"the {whose} points or cameras are all in one place, which fits anything")
