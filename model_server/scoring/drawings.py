"""What there is to see of a scored sequence: paths over the truth, and where depth is wrong."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from model_server.geometry.shot import Array
from model_server.scoring.trajectory import TrajectoryErrors

_MAPS = 4  # frames of a sequence that are shown


@dataclass(frozen=True)
class PathDrawing:
    """Camera centers (S, 3) in the truth's world."""

    aligned: Array
    truth: Array


@dataclass(frozen=True)
class ErrorMapDrawing:
    """A few frames of a sequence."""

    images: Array  # (K, H, W, 3) uint8
    errors: Array  # (K, H, W) |depth - truth| / truth; NaN where it is not scored


Drawing = PathDrawing | ErrorMapDrawing


def paths(errors: TrajectoryErrors) -> PathDrawing:
    """To be drawn later."""
    return PathDrawing(errors.aligned_centers, errors.true_centers)


def error_maps(images: Sequence[Array], depth: Array, truth: Array, valid: Array) -> ErrorMapDrawing:
    """Of a few frames, evenly over the sequence; `depth` is aligned, (S, H, W) as `truth` and `valid`."""
    shown = np.unique(np.linspace(0, len(truth) - 1, _MAPS).round().astype(int))
    with np.errstate(divide="ignore", invalid="ignore"):
        errors = np.where(valid[shown], np.abs(depth[shown] - truth[shown]) / truth[shown], np.nan)
    return ErrorMapDrawing(np.stack([images[index] for index in shown]), errors)
