"""Cameras to the network's nine numbers (MODEL_SPEC 3.1): the inverse of `engines.page4d.pose_encoding`, in torch."""

import torch
from torch import Tensor

_SMALLEST = 0.1  # under this, a quaternion's number is not divided by: another candidate is larger


def encode_cameras(camera_from_world: Tensor, intrinsics: Tensor, width: int, height: int) -> Tensor:
    """Pose encodings of cameras.

    Args:
        camera_from_world: (..., 4, 4).
        intrinsics: (..., 3, 3), pixels. The principal point is not told: the encoding has it at the center.
        width: of the image, pixels; height likewise.

    Returns:
        (..., 9): translation, unit quaternion x y z w with w >= 0, field of view vertical, horizontal in radians.
    """
    vertical = 2 * torch.atan(height / 2 / intrinsics[..., 1, 1])
    horizontal = 2 * torch.atan(width / 2 / intrinsics[..., 0, 0])
    quaternions = quaternions_of(camera_from_world[..., :3, :3])
    return torch.cat((camera_from_world[..., :3, 3], quaternions, torch.stack((vertical, horizontal), -1)), dim=-1)


def quaternions_of(rotations: Tensor) -> Tensor:
    """(..., 3, 3) to unit quaternions x y z w with w >= 0, (..., 4).

    Of the four ways to begin, with the root of each number, the one whose number is largest is taken (Markley 2008).
    """
    m = rotations
    xx, yy, zz = m[..., 0, 0], m[..., 1, 1], m[..., 2, 2]
    one = torch.ones_like(xx)
    squares = torch.stack((one + xx - yy - zz, one - xx + yy - zz, one - xx - yy + zz, one + xx + yy + zz), dim=-1)
    xy, xz, yz = m[..., 0, 1] + m[..., 1, 0], m[..., 0, 2] + m[..., 2, 0], m[..., 1, 2] + m[..., 2, 1]
    wx, wy, wz = m[..., 2, 1] - m[..., 1, 2], m[..., 0, 2] - m[..., 2, 0], m[..., 1, 0] - m[..., 0, 1]
    candidates = torch.stack(  # row i: the quaternion times 4 times its i-th number
        [
            torch.stack((squares[..., 0], xy, xz, wx), dim=-1),
            torch.stack((xy, squares[..., 1], yz, wy), dim=-1),
            torch.stack((xz, yz, squares[..., 2], wz), dim=-1),
            torch.stack((wx, wy, wz, squares[..., 3]), dim=-1),
        ],
        dim=-2,
    )
    best = squares.argmax(-1)[..., None, None].expand(*squares.shape[:-1], 1, 4)
    chosen = candidates.gather(-2, best)[..., 0, :]
    unit = chosen / chosen.norm(dim=-1, keepdim=True).clamp_min(_SMALLEST)
    return torch.where(unit[..., 3:] < 0, -unit, unit)
