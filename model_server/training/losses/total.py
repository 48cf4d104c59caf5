"""What training makes small: cameras, depth and points, each with its weight (MODEL_SPEC 5.4)."""

from torch import Tensor

from model_server.engines.page4d.network.network import Head, Prediction
from model_server.training.config import LossSettings
from model_server.training.losses.camera import camera_loss
from model_server.training.losses.dense import depth_loss, points_loss
from model_server.training.normalized import Truth


def heads_of(settings: LossSettings) -> tuple[Head, ...]:
    """The heads that learn: those whose loss counts."""
    weights = {Head.CAMERA: settings.camera, Head.DEPTH: settings.depth, Head.POINTS: settings.points}
    return tuple(head for head, weight in weights.items() if weight)


def losses_of(prediction: Prediction, truth: Truth, settings: LossSettings) -> tuple[Tensor, dict[str, Tensor]]:
    """The loss to make small, and its parts by name, without gradients, as they are before they are weighed."""
    heads = heads_of(settings)
    parts: dict[str, Tensor] = {}
    total = truth.depth.new_zeros(())
    if Head.CAMERA in heads:
        camera = camera_loss(_given(prediction.poses), truth)
        total = total + settings.camera * camera.total
        parts |= {
            "camera": camera.total,
            "translation": camera.translation,
            "rotation": camera.rotation,
            "field_of_view": camera.field_of_view,
        }
    if Head.DEPTH in heads:
        depth = depth_loss(_given(prediction.depth), _given(prediction.depth_confidence), truth, settings.quantile)
        total = total + settings.depth * depth.total
        parts |= {"depth": depth.total, "depth_error": depth.error, "depth_slopes": depth.shape}
    if Head.POINTS in heads:
        points = points_loss(_given(prediction.points), _given(prediction.points_confidence), truth, settings.quantile)
        total = total + settings.points * points.total
        parts |= {"points": points.total, "points_error": points.error, "points_normals": points.shape}
    return total, {"loss": total.detach()} | {name: value.detach() for name, value in parts.items()}


def _given(tensor: Tensor | None) -> Tensor:
    if tensor is None:
        raise ValueError("the network was not asked for what the loss needs")
    return tensor
