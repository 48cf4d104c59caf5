"""The Sim(3) between two sets of points that name the same things, some of them wrongly."""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from model_server.engines.page4d.similarity import Similarity
from model_server.geometry.shot import Array

_FEWEST = 4
_SAMPLES, _SAMPLE_SIZE, _JUDGES = 256, 4, 1000  # random starts, points each, and points that judge them
_ROUNDS = 50
_SETTLED = 1e-12  # change of the residual in one round
_MEDIAN_OF_NORMAL = 1.5382  # median length of a 3-D normal vector of unit deviation
_TUKEY = 4.685  # deviations; 95 % efficiency on normal errors
_EXACT = 1e-9  # relative; errors below it are rounding
_ROUNDING = 1e-30  # of squared lengths
_LINE = 1e-4  # second extent of the points as a share of the first


class FitState(StrEnum):
    GOOD = "good"
    TOO_FEW = "too few points"
    IN_LINE = "all points in one line or place"


@dataclass(frozen=True)
class Fit:
    state: FitState
    b_from_a: Similarity | None  # None where the state is not good
    inliers: Array  # (N,) bool
    residual: float  # median of the inliers', relative; infinite where the state is not good


def fit_similarity(
    a: Array, b: Array, depth: Array, weights: Array | None = None, starts: tuple[Similarity, ...] = ()
) -> Fit:
    """Robust fit: least median of squares (Rousseeuw 1984) starts it, reweighted least squares with Tukey's
    biweight finishes it; its width follows the median residual, so that no unit enters.

    Up to about 45 % of the points may be wrong, in the same way even.

    Args:
        a: (N, 3) in the world a; rows that are not finite are left out.
        b: (N, 3) the same in the world b.
        depth: (N,) positive: how far the points are in b; residuals are relative to it, as errors of depth are.
        weights: (N,) not negative; None counts all alike.
        starts: other opinions to begin from, judged beside the random ones.
    """
    weights = np.ones(len(a)) if weights is None else weights
    with np.errstate(invalid="ignore"):
        known = np.isfinite(a).all(-1) & np.isfinite(b).all(-1) & np.isfinite(depth + weights)
        known &= (depth > 0) & (weights > 0)
    nothing = np.zeros(len(a), bool)
    if np.count_nonzero(known) < _FEWEST:
        return Fit(FitState.TOO_FEW, None, nothing, np.inf)
    if _in_line(a[known]) or _in_line(b[known]):
        return Fit(FitState.IN_LINE, None, nothing, np.inf)
    a, b, depth, weights = (np.asarray(part[known], np.float64) for part in (a, b, depth, weights))
    found, good = _reweighted(a, b, depth, weights, _start(a, b, depth, starts))
    if np.count_nonzero(good) < _FEWEST or _in_line(a[good]) or _in_line(b[good]):
        return Fit(FitState.IN_LINE, None, nothing, np.inf)
    nothing[known] = good
    return Fit(FitState.GOOD, found, nothing, float(np.median(_residuals(found, a, b, depth)[good])))


def closed_form(a: Array, b: Array, weights: Array) -> Similarity:
    """The b_from_a that minimizes sum w |b - b_from_a(a)|^2 (Umeyama 1991); mirrored solutions are ruled out.

    Points in one line have many; `fit_similarity` says so, this takes one.

    Args:
        a: (..., N, 3).
        b: (..., N, 3).
        weights: (..., N), not negative.
    """
    share = (weights / weights.sum(-1, keepdims=True))[..., None]
    mean_a, mean_b = (share * a).sum(-2, keepdims=True), (share * b).sum(-2, keepdims=True)
    a, b = a - mean_a, b - mean_b
    left, values, right = np.linalg.svd(np.swapaxes(share * b, -1, -2) @ a)
    values[..., 2] *= (sign := np.sign(np.linalg.det(left) * np.linalg.det(right)))
    left[..., 2] *= sign[..., None]
    rotation = left @ right
    spread = (share * a**2).sum((-1, -2))
    one_place = spread <= _ROUNDING * (mean_a**2).sum((-1, -2)) + np.finfo(float).tiny
    scale = np.where(one_place, 1.0, np.maximum(values.sum(-1), _ROUNDING * spread) / np.where(one_place, 1.0, spread))
    translation = (mean_b - scale[..., None, None] * mean_a @ np.swapaxes(rotation, -1, -2))[..., 0, :]
    return Similarity(scale, rotation, translation)


def _start(a: Array, b: Array, depth: Array, starts: tuple[Similarity, ...]) -> Similarity:
    """The candidate with the least median residual."""
    random = np.random.default_rng(0)
    picks = random.integers(0, len(a), (_SAMPLES, _SAMPLE_SIZE))
    judges = random.permutation(len(a))[:_JUDGES]
    drawn = closed_form(a[picks], b[picks], 1 / depth[picks] ** 2)
    candidates = [*starts, *(drawn[index] for index in range(_SAMPLES))]
    medians = [np.median(_residuals(one, a[judges], b[judges], depth[judges])) for one in starts]
    medians += list(np.median(_residuals(drawn, a[judges], b[judges], depth[judges]), axis=-1))
    return candidates[int(np.argmin(np.nan_to_num(medians, nan=np.inf)))]


def _reweighted(a: Array, b: Array, depth: Array, weights: Array, found: Similarity) -> tuple[Similarity, Array]:
    """The fit, and which points it counts."""
    before, good = np.inf, np.ones(len(a), bool)
    for _ in range(_ROUNDS):
        residuals = _residuals(found, a, b, depth)
        deviation = max(_weighted_median(residuals, weights) / _MEDIAN_OF_NORMAL, _EXACT)
        share = residuals / (_TUKEY * deviation)
        good = share < 1
        if abs(before - deviation) < _SETTLED or np.count_nonzero(good) < _FEWEST:
            break
        before = deviation
        found = closed_form(a[good], b[good], (weights * (1 - share**2) ** 2 / depth**2)[good])
    return found, good


def _residuals(b_from_a: Similarity, a: Array, b: Array, depth: Array) -> Array:
    return np.asarray(np.linalg.norm(b - b_from_a.points(a), axis=-1) / depth)


def _weighted_median(values: Array, weights: Array) -> float:
    order = np.argsort(values)
    total = np.cumsum(weights[order])
    return float(values[order[np.searchsorted(total, total[-1] / 2)]])


def _in_line(points: Array) -> bool:
    extents = np.linalg.svd(points - points.mean(0), compute_uv=False)
    return bool(extents[1] <= _LINE * extents[0])
