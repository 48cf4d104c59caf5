"""The network PAGE-4D, or VGGT, as what is scored."""

from dataclasses import dataclass

import torch
from torch import Tensor

from model_server.engines.page4d.network.network import Head, Page4DNetwork, Prediction
from model_server.engines.page4d.network.precision import Precision
from model_server.engines.page4d.pose_encoding import decode_cameras
from model_server.engines.page4d.runner import memory_errors
from model_server.scoring.predictor import PredictedClip

_FRAMES_AT_ONCE = 8  # of the backbone and the heads for pixels, as published; a matter of memory alone


@dataclass(frozen=True)
class NetworkPredictor:
    """Looks at all frames in one pass; the heads compute in float32 (MODEL_SPEC 3.4). See `Predictor`."""

    name: str
    network: Page4DNetwork  # on its device, weights loaded
    long_side: int
    strength: float  # alpha of the mask; 0 turns it off
    precision: Precision
    with_points: bool  # points by their own head, where the network has it; else by depth and cameras

    @property
    def multiple(self) -> int:
        """See `Predictor`."""
        return self.network.config.patch

    @property
    def knows_motion(self) -> bool:
        """See `Predictor`."""
        return self.network.config.mask is not None and self.strength != 0

    def __call__(self, images: Tensor) -> PredictedClip:
        """See `Predictor`.

        Raises:
            WindowTooLong: the device's memory does not hold that many frames.
        """
        device = next(self.network.parameters()).device
        height, width = images.shape[2:]
        heads = [Head.CAMERA, Head.DEPTH]
        if self.with_points and hasattr(self.network, "points_head"):
            heads.append(Head.POINTS)
        with torch.inference_mode(), memory_errors(len(images)), self.precision.autocast(device):
            parts = torch.split(images.to(device), _FRAMES_AT_ONCE)
            patches = torch.cat([self.network.backbone(part) for part in parts])[None]
            size = height // self.multiple, width // self.multiple
            prediction = self.network.from_patches(patches, size, self.strength, heads, frames_at_once=_FRAMES_AT_ONCE)
            return _clip(prediction, width, height)


def _clip(prediction: Prediction, width: int, height: int) -> PredictedClip:
    poses, depth, points = prediction.poses, prediction.depth, prediction.points
    if poses is None or depth is None:
        raise ValueError("the network was not asked for cameras and depth")
    # As they are: that the first camera is the world only nearly is part of what is scored.
    camera_from_world, intrinsics = decode_cameras(poses[-1, 0].double().cpu().numpy(), width, height)
    return PredictedClip(
        camera_from_world,
        intrinsics,
        depth[0].cpu().numpy(),
        None if points is None else points[0].cpu().numpy(),
        None if prediction.keys is None else motion_of(prediction.keys, height, width)[0].cpu().numpy(),
    )


def motion_of(keys: Tensor, height: int, width: int) -> Tensor:
    """(B, S, height, width) 0 still .. 1 moving, from the mask's keys (B, S, rows, columns): under 0 is over 0.5."""
    return 0.5 - torch.nn.functional.interpolate(keys.float(), (height, width), mode="bilinear")
