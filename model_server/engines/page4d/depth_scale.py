"""How long the network's unit of depth is in every frame, told by points whose depth the solve knows."""

from dataclasses import dataclass

import numpy as np
from scipy.linalg import solveh_banded

from model_server.geometry.shot import Array

_SHIFTS = np.linspace(-0.3, 0.6, 37)  # of the median depth
_NEEDED_GAIN, _EXACT = 0.8, 0.01  # a shift must leave at most this share of the spread; below this it is needless
_LEAST_SEEN = 8  # points that tell a frame's scale
_LEAST_ERROR = 0.002  # of a frame's scale: points are few things' corners, not independent draws
_NORMAL = 1.4826  # median absolute deviation to standard deviation
_NO_TREND = 1e-3  # least step of the scale from frame to frame that is believed


@dataclass(frozen=True)
class DepthScale:
    """`depth = scale * (network depth + shift)`."""

    scales: Array  # (F,) one a frame, steady
    shift: float  # in the network's unit, one for the shot: 0 unless it truly helps
    spreads: Array  # (F,) one standard deviation of the relative error at the points; NaN where too few are seen

    @property
    def spread(self) -> float:
        """Of the whole shot; infinite where no frame sees enough points."""
        known = self.spreads[np.isfinite(self.spreads)]
        return float(np.median(known)) if len(known) else float("inf")


def depth_scale(frames: Array, found: Array, true: Array, frame_count: int) -> DepthScale:
    """Fit scales to points, by medians of logarithms, which points on the wrong side of a rim do not move.

    Scales are smoothed over time only as far as they are uncertain, so that depth neither flickers with the few
    points of one frame nor loses what many points say.

    Args:
        frames: (M,) in which frame a point is seen.
        found: (M,) the network's depth there, above 0.
        true: (M,) its depth along the optical axis by the solve, above 0.
    """
    shift = _shift(frames, found, true, frame_count)
    kept = found + shift > 0
    middles, spreads, counts = _frames(frames[kept], np.log(true[kept] / (found[kept] + shift)), frame_count)
    told = np.isfinite(middles)
    if not told.any():
        return DepthScale(np.ones(frame_count), 0.0, spreads)
    errors = np.hypot(1.25 * spreads / np.sqrt(np.maximum(counts, 1)), _LEAST_ERROR)
    return DepthScale(np.exp(_steady(middles, errors)), shift, spreads)


def _shift(frames: Array, found: Array, true: Array, frame_count: int) -> float:
    if not len(found):
        return 0.0
    middle, least = float(np.median(found)), float(np.percentile(found, 1))
    without = _misfit(frames, found, true, frame_count)
    if without < _EXACT:
        return 0.0
    shifts = [middle * part for part in _SHIFTS if least + middle * part > 0.1 * least]
    costs = [_misfit(frames, found + shift, true, frame_count) for shift in shifts]
    best = int(np.argmin(costs))
    return float(shifts[best]) if costs[best] < _NEEDED_GAIN * without else 0.0


def _misfit(frames: Array, found: Array, true: Array, frame_count: int) -> float:
    kept = found > 0
    _, spreads, _ = _frames(frames[kept], np.log(true[kept] / found[kept]), frame_count)
    known = spreads[np.isfinite(spreads)]
    return float(np.median(known)) if len(known) else 0.0


def _frames(frames: Array, logs: Array, frame_count: int) -> tuple[Array, Array, Array]:
    """Median, spread and count of each frame's values; NaN, NaN where there are too few."""
    order = np.argsort(frames, kind="stable")
    bounds = np.searchsorted(frames[order], np.arange(frame_count + 1))
    middles, spreads = np.full(frame_count, np.nan), np.full(frame_count, np.nan)
    for frame in np.flatnonzero(np.diff(bounds) >= _LEAST_SEEN):
        values = logs[order[bounds[frame] : bounds[frame + 1]]]
        middles[frame] = np.median(values)
        spreads[frame] = _NORMAL * np.median(np.abs(values - middles[frame]))
    return middles, spreads, np.diff(bounds)


def _steady(values: Array, errors: Array) -> Array:
    """The likeliest path of a value that walks at random, seen with these errors; NaN was not seen at all."""
    seen = np.isfinite(values)
    steps = np.diff(values[seen])
    walk = float(np.median(np.abs(steps))) * _NORMAL if len(steps) else 0.0
    walk2 = max(walk**2 - 2 * float(np.median(errors[seen])) ** 2, _NO_TREND**2)
    weights = np.where(seen, 1 / np.where(seen, errors, 1.0) ** 2, 0.0)
    chain = np.full(len(values) - 1, 1 / walk2)
    bands = np.zeros((2, len(values)))
    bands[0, 1:] = -chain
    bands[1] = weights + np.append(chain, 0) + np.append(0, chain)
    return np.asarray(solveh_banded(bands, weights * np.where(seen, values, 0.0)))
