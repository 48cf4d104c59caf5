"""The focal length that pairs of pictures tell by themselves, before there is a structure that could be wrong.

A fundamental matrix F is one of all tracks, near and far. With square pixels and the principal point in the center,
K^T F K is an essential matrix, with two equal singular values, for the right focal length alone (Mendonça and Cipolla
1999). Pairs whose optical axes meet or are parallel tell none: then they contradict each other.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from model_server.engines.classical.epipolar import fundamental_matrix
from model_server.engines.classical.match_database import Sightings
from model_server.geometry.shot import Array
from model_server.geometry.square_picture import LONG_SIDE

_STEPS = (1, 2, 4)  # keyframes apart
_FIT_PX = 1.0  # square pixels
_MIN_SHARED, _MIN_PAIRS = 60, 8
_FINENESS = 0.02
_FOCALS = LONG_SIDE * np.exp(np.arange(np.log(0.25), np.log(8.0), _FINENESS))
_HELD_SIGMA = 0.1  # of the focal length: known no better, it is not known
_SIGMAS = 2.0  # farther off, another focal length contradicts


@dataclass(frozen=True)
class ToldFocal:
    """In square pixels; `sigma` is how much single pairs differ, relative."""

    focal: float
    sigma: float

    def contradicts(self, focal: float) -> bool:
        return bool(abs(np.log(focal / self.focal)) > _SIGMAS * self.sigma)


def told_focal(sightings: Sightings, keys: Array, center: Array) -> ToldFocal | None:
    """The focal length that the pairs of keyframes agree on.

    Args:
        sightings: of what stands still, square pixels.
        keys: (K,) frames.
        center: (2,) principal point in square pixels.

    Returns:
        None where too few pairs share tracks, or they do not agree.
    """
    votes = np.log([_vote(start - center, end - center) for start, end in _pairs(sightings, keys)])
    votes = votes[np.isfinite(votes)]
    if len(votes) < _MIN_PAIRS:
        return None
    low, middle, high = np.percentile(votes, [25, 50, 75])
    sigma = max(float(high - low) / 1.349, _FINENESS)  # of a normal distribution with such quartiles
    return ToldFocal(float(np.exp(middle)), sigma) if sigma < _HELD_SIGMA else None


def _pairs(sightings: Sightings, keys: Array) -> Iterator[tuple[Array, Array]]:
    """Where the tracks that two keyframes share lie, (n, 2) in each."""
    rows = [np.nonzero(sightings.frames == key)[0] for key in keys]
    for step in _STEPS:
        for a, b in zip(rows[:-step], rows[step:]):
            shared, i, j = np.intersect1d(sightings.tracks[a], sightings.tracks[b], True, return_indices=True)
            if len(shared) >= _MIN_SHARED:
                yield sightings.positions[a[i]], sightings.positions[b[j]]


def _vote(start: Array, end: Array) -> float:
    """The focal length for which one pair's matrix comes nearest to an essential one; NaN where there is none."""
    matrix = fundamental_matrix(start, end, _FIT_PX)
    if matrix is None:
        return float("nan")
    scales = np.stack([_FOCALS, _FOCALS, np.ones_like(_FOCALS)], axis=1)
    values = np.linalg.svd(scales[:, :, None] * matrix * scales[:, None, :], compute_uv=False)
    unequal = 1 - values[:, 1] / values[:, 0]
    best = int(unequal.argmin())
    return float("nan") if best in (0, len(_FOCALS) - 1) else float(_FOCALS[best])
