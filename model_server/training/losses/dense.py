"""How far depth and points are off, and how sure the network was of them (MODEL_SPEC 5.4)."""

from dataclasses import dataclass

from torch import Tensor

from model_server.training.losses.neighbors import gradient_loss, normal_loss
from model_server.training.losses.robust import LARGEST, filtered_mean
from model_server.training.normalized import Truth

_ENOUGH_PIXELS = 100  # of the batch; with fewer there is no loss
_DEPTH_SURE, _DEPTH_UNSURE = 0.3, 0.06  # weights of error times confidence, and of doubt
_POINTS_SURE, _POINTS_UNSURE = 1.0, 0.2


@dataclass(frozen=True)
class DenseLoss:
    """Scalars."""

    error: Tensor  # mean distance from the truth
    confidence: Tensor  # the error weighed by the confidence, and what doubt costs
    shape: Tensor  # depth: of its slopes; points: of their normals

    @property
    def total(self) -> Tensor:
        return self.error + self.confidence + self.shape


def depth_loss(depth: Tensor, confidence: Tensor, truth: Truth, quantile: float) -> DenseLoss:
    """Of depth along the optical axis.

    Args:
        depth: (B, S, H, W), as predicted: the network has to find the scale itself.
        confidence: (B, S, H, W) > 1.
        quantile: of errors above which pixels do not count; 1 keeps all.
    """
    error = (depth - truth.depth)[truth.valid].abs()
    if len(error) < _ENOUGH_PIXELS:
        return _none(depth, confidence)
    sure, unsure = _DEPTH_SURE, _DEPTH_UNSURE
    slopes = gradient_loss(depth.flatten(0, 1), truth.depth.flatten(0, 1), truth.valid.flatten(0, 1))
    return DenseLoss(
        filtered_mean(error, quantile), _confidence(error, confidence, truth, sure, unsure, quantile), slopes
    )


def points_loss(points: Tensor, confidence: Tensor, truth: Truth, quantile: float) -> DenseLoss:
    """Of points in the first camera's axes: as `depth_loss`, with points (B, S, H, W, 3)."""
    error = (points - truth.points)[truth.valid].norm(dim=-1)
    if len(error) < _ENOUGH_PIXELS:
        return _none(points, confidence)
    sure, unsure = _POINTS_SURE, _POINTS_UNSURE
    normals = normal_loss(points.flatten(0, 1), truth.points.flatten(0, 1), truth.valid.flatten(0, 1))
    return DenseLoss(
        filtered_mean(error, quantile), _confidence(error, confidence, truth, sure, unsure, quantile), normals
    )


def _confidence(error: Tensor, confidence: Tensor, truth: Truth, sure: float, unsure: float, quantile: float) -> Tensor:
    """The negative logarithm of a Laplace distribution whose width the network tells (arXiv 1703.04977)."""
    certain = confidence[truth.valid]
    return filtered_mean(sure * error.clamp(max=LARGEST) * certain - unsure * certain.log(), quantile)


def _none(values: Tensor, confidence: Tensor) -> DenseLoss:
    """No loss, but of the same graph: several processes wait for each other's gradients."""
    nothing = (values.sum() + confidence.sum()) * 0
    return DenseLoss(nothing, nothing, nothing)
