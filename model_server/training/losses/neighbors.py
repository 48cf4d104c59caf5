"""Losses of how neighboring pixels lie to each other: slopes of depth, normals of points (MODEL_SPEC 5.4)."""

import torch
from torch import Tensor
from torch.nn import functional

from model_server.training.losses.robust import LARGEST

_SLOPE_SCALES, _NORMAL_SCALES = 4, 3
_ENOUGH_NORMALS = 10
_SHORTEST = 1e-8  # of a cross product of two edges; inverse_length ones have no direction


def gradient_loss(depth: Tensor, truth: Tensor, valid: Tensor) -> Tensor:
    """How much the error changes from a pixel to the next, over 4 scales of every 1st, 2nd, 4th and 8th pixel.

    Args:
        depth: (N, H, W), truth and valid likewise.

    Returns:
        Sum over neighbors across and down, per valid pixel; mean over the scales.
    """
    total = depth.new_zeros(())
    for step in (2**scale for scale in range(_SLOPE_SCALES)):
        known = valid[:, ::step, ::step]
        off = torch.where(known, depth[:, ::step, ::step] - truth[:, ::step, ::step], 0.0)
        across = (off[:, :, 1:] - off[:, :, :-1]).abs().clamp(max=LARGEST) * (known[:, :, 1:] & known[:, :, :-1])
        down = (off[:, 1:] - off[:, :-1]).abs().clamp(max=LARGEST) * (known[:, 1:] & known[:, :-1])
        total = total + (across.sum() + down.sum()) / known.sum().clamp_min(1)
    return total / _SLOPE_SCALES


def normal_loss(points: Tensor, truth: Tensor, valid: Tensor) -> Tensor:
    """1 - cosine between surface normals, over 3 scales of every 1st, 2nd and 4th pixel.

    Args:
        points: (N, H, W, 3), truth likewise.
        valid: (N, H, W).

    Returns:
        Mean over all normals whose three pixels are valid, mean over the scales; a scale with fewer than 10 counts 0.
    """
    total = points.new_zeros(())
    for step in (2**scale for scale in range(_NORMAL_SCALES)):
        ours, known = _normals(points[:, ::step, ::step], valid[:, ::step, ::step])
        theirs, _ = _normals(truth[:, ::step, ::step], valid[:, ::step, ::step])
        count = known.sum()
        off = torch.where(known, 1 - (ours * theirs).sum(2), 0.0).sum() / count.clamp_min(1)
        total = total + torch.where(count >= _ENOUGH_NORMALS, off, off * 0)
    return total / _NORMAL_SCALES


def _normals(points: Tensor, valid: Tensor) -> tuple[Tensor, Tensor]:
    """Four unit normals a pixel (4, N, 3, H, W), one for each corner with two neighbors, and which are known.

    Returns:
        The known ones are (4, N, H, W).
    """
    center = points.permute(0, 3, 1, 2).contiguous()  # numbers of one kind side by side: a cross product in few passes
    around = functional.pad(center, (1, 1, 1, 1))
    known = functional.pad(valid, (1, 1, 1, 1))
    up, down = around[:, :, :-2, 1:-1] - center, around[:, :, 2:, 1:-1] - center
    left, right = around[:, :, 1:-1, :-2] - center, around[:, :, 1:-1, 2:] - center
    has_up, has_down = known[:, :-2, 1:-1] & valid, known[:, 2:, 1:-1] & valid
    has_left, has_right = known[:, 1:-1, :-2] & valid, known[:, 1:-1, 2:] & valid
    both = torch.stack((has_up & has_left, has_left & has_down, has_down & has_right, has_right & has_up))
    return torch.stack([_unit_cross(a, b) for a, b in ((up, left), (left, down), (down, right), (right, up))]), both


def _unit_cross(a: Tensor, b: Tensor) -> Tensor:
    """Of (N, 3, H, W). Written out, for torch's own works through memory number by number."""
    (ax, ay, az), (bx, by, bz) = a.unbind(1), b.unbind(1)
    x, y, z = ay * bz - az * by, az * bx - ax * bz, ax * by - ay * bx
    inverse_length = (x * x + y * y + z * z).clamp_min(_SHORTEST**2).rsqrt()
    return torch.stack((x * inverse_length, y * inverse_length, z * inverse_length), dim=1)
