"""How far depth is from the truth, pixel by pixel."""

from collections.abc import Mapping

import cv2
import numpy as np
from torch import Tensor

from model_server.geometry.cameras import inverse
from model_server.geometry.shot import Array
from model_server.scoring.predictor import PredictedClip

ABS_REL, SQ_REL, RMSE, LOG_RMSE = "abs_rel", "sq_rel", "rmse", "log_rmse"
WITHIN = ("delta_1.25", "delta_1.25^2", "delta_1.25^3")  # shares of pixels that are off by less than that factor
_SMALLEST = 1e-5  # what depth under this is taken for where a logarithm or a ratio is asked


def depth_errors(depth: Tensor, truth: Tensor) -> Mapping[str, float]:
    """Errors of aligned depth, (N,) float both, N > 0, truth > 0 (Eigen 2014)."""
    off = depth - truth
    positive = depth.clamp_min(_SMALLEST)
    ratio = (positive / truth).maximum(truth / positive)
    return {
        ABS_REL: _mean(off.abs() / truth),
        SQ_REL: _mean(off.square() / truth),
        RMSE: _mean(off.square()) ** 0.5,
        LOG_RMSE: _mean((positive.log() - truth.log()).square()) ** 0.5,
    } | {name: _mean((ratio < 1.25**power).float()) for power, name in enumerate(WITHIN, start=1)}


def depth_in_first_camera(predicted: PredictedClip) -> Array:
    """(S, H, W) what published video depth is: z of each pixel's point in the world, which is the first camera's frame.

    A depth of 2 everywhere is 2 only in frames that look where the first one looks, from where it stands. Pixels are
    taken at their corners, as there.
    """
    height, width = predicted.depth.shape[1:]
    columns, rows = np.meshgrid(np.arange(width), np.arange(height))
    world_from_camera = inverse(predicted.camera_from_world)
    k = predicted.intrinsics[:, None, None]
    x, y = (columns - k[..., 0, 2]) / k[..., 0, 0], (rows - k[..., 1, 2]) / k[..., 1, 1]
    along = world_from_camera[:, None, None, 2, :]
    return np.asarray(predicted.depth * (along[..., 0] * x + along[..., 1] * y + along[..., 2]) + along[..., 3])


def resized(maps: Array, width: int, height: int, cubic: bool) -> Array:
    """(S, H, W) maps to float32 of another size, by cubic or linear interpolation."""
    how = cv2.INTER_CUBIC if cubic else cv2.INTER_LINEAR
    return np.stack([cv2.resize(np.asarray(each, np.float32), (width, height), interpolation=how) for each in maps])


def _mean(values: Tensor) -> float:
    return float(values.double().mean())
