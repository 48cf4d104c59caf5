"""How far the predicted cameras are off, over all refinements (MODEL_SPEC 5.4)."""

from dataclasses import dataclass

from torch import Tensor

from model_server.training.normalized import Truth
from model_server.training.pose_encoder import encode_cameras

_LATER_COUNTS_MORE = 0.6  # weight of each refinement against the one after it
_LARGEST = 100.0
_FIELD_OF_VIEW_WEIGHT = 0.5
_ENOUGH_PIXELS = 100  # a first frame with no more valid pixels tells no scale, so no translation


@dataclass(frozen=True)
class CameraLoss:
    """Scalars, each a weighted mean over the refinements."""

    translation: Tensor
    rotation: Tensor  # of quaternions
    field_of_view: Tensor

    @property
    def total(self) -> Tensor:
        return self.translation + self.rotation + _FIELD_OF_VIEW_WEIGHT * self.field_of_view


def camera_loss(poses: Tensor, truth: Truth) -> CameraLoss:
    """Mean absolute differences of pose encodings.

    Args:
        poses: (refinements, B, S, 9), best last.
        truth: of the same clips; those with too few valid pixels in their first frame do not count.
    """
    height, width = truth.depth.shape[-2:]
    target = encode_cameras(truth.camera_from_world, truth.intrinsics, width, height)
    counts = truth.valid[:, 0].flatten(1).sum(1) > _ENOUGH_PIXELS
    # By a weight and not by choosing: the graph is the same on every process, whatever its clips are.
    weight = counts.to(poses.dtype) / counts.sum().clamp_min(1)
    off = (poses - target).abs()
    off[..., :3].clamp_(max=_LARGEST)
    steps = len(poses)
    refinement = poses.new_tensor([_LATER_COUNTS_MORE ** (steps - 1 - step) for step in range(steps)]) / steps
    translation, rotation, field = (
        (refinement[:, None] * weight * off[..., part].mean((2, 3))).sum()
        for part in (slice(0, 3), slice(3, 7), slice(7, 9))
    )
    return CameraLoss(translation, rotation, field)
