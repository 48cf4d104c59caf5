"""The truth as the network is to tell it: the first camera is the world, the mean distance of what is seen is 1."""

from dataclasses import dataclass

import torch
from torch import Tensor

from model_server.training.clip import Clip

_SCALE_LIMITS = 1e-6, 1e6
_FARTHEST = 100.0  # mean distances; float32 and the losses' own limits end there


@dataclass(frozen=True)
class Truth:
    """B clips of S frames of H x W pixels (MODEL_SPEC 5.4)."""

    camera_from_world: Tensor  # (B, S, 4, 4); world = first camera
    intrinsics: Tensor  # (B, S, 3, 3) pixels
    depth: Tensor  # (B, S, H, W); 0 where it is not valid
    points: Tensor  # (B, S, H, W, 3) in the world; 0 where they are not valid
    valid: Tensor  # (B, S, H, W) bool
    scale: Tensor  # (B,): what one unit here was in the clip


@torch.no_grad()
def normalized(clips: Clip) -> Truth:
    """Bring a batch of clips to the network's world and scale.

    Everything is divided by the mean distance of the valid points from the first camera, so that neither the choice of
    a world nor its unit changes anything. A clip whose first frame has no valid pixel has none at all: its scale would
    be told by frames that the world does not begin with. Nor is what lies farther than 100 mean distances valid.
    """
    # A data set's world may lie kilometers from its origin, and what is left after the inverse is a matter of meters.
    cameras = clips.camera_from_world.double()
    from_first = (cameras @ torch.linalg.inv(cameras[:, :1])).float()
    valid = clips.valid & clips.depth.isfinite() & (clips.depth > 0)
    valid = valid & valid[:, :1].flatten(1).any(1)[:, None, None, None]
    depth = torch.where(valid, clips.depth, 0.0)
    points = _points(depth, clips.intrinsics, from_first)
    scale = _mean_distance(points, valid)
    depth, points = depth / scale[:, None, None, None], points / scale[:, None, None, None, None]
    valid = valid & (depth <= _FARTHEST) & (points.abs() <= _FARTHEST).all(-1)
    from_first[..., :3, 3] /= scale[:, None, None]
    return Truth(
        from_first,
        clips.intrinsics,
        torch.where(valid, depth, 0.0),
        torch.where(valid[..., None], points, 0.0),
        valid,
        scale,
    )


def _points(depth: Tensor, intrinsics: Tensor, camera_from_world: Tensor) -> Tensor:
    """(B, S, H, W, 3) in the world, of each pixel's center."""
    height, width = depth.shape[-2:]
    v, u = torch.meshgrid(
        torch.arange(height, device=depth.device) + 0.5, torch.arange(width, device=depth.device) + 0.5, indexing="ij"
    )
    fx, fy, cx, cy = (intrinsics[..., i, j, None, None] for i, j in ((0, 0), (1, 1), (0, 2), (1, 2)))
    local = torch.stack(((u - cx) / fx * depth, (v - cy) / fy * depth, depth), dim=-1)
    rotation, translation = camera_from_world[..., :3, :3], camera_from_world[..., :3, 3]
    moved = local - translation[..., None, None, :]
    return torch.einsum("bshwi,bsij->bshwj", moved, rotation)  # the inverse of a rotation is its transpose


def _mean_distance(points: Tensor, valid: Tensor) -> Tensor:
    """(B,) mean distance of the valid points from the first camera."""
    distances = torch.where(valid, points.norm(dim=-1), 0.0).flatten(1)
    return (distances.sum(1) / (valid.flatten(1).sum(1) + 1e-3)).clamp(*_SCALE_LIMITS)
