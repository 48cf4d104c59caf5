"""The rays through a picture's pixels, in packets of 4 x 4."""

import torch
from torch import Tensor

SIDE = 4


def camera_rays(
    camera_from_world: Tensor, focals_px: Tensor, width: int, height: int, shift: tuple[float, float] = (0.0, 0.0)
) -> tuple[Tensor, Tensor]:
    """A ray through each pixel, of length one along the optical axis, so that t is the depth.

    Args:
        camera_from_world: (F, 3, 4).
        focals_px: (F,); the principal point is the picture's middle.
        width, height: pixels; the last packets of a row and column may stick out of the picture.
        shift: pixels from each pixel's center.

    Returns:
        origins: (F, 3) in the world.
        directions: (3, F, Q, 16) in the world.
    """
    x, y = pixel_centers(width, height, camera_from_world.device)
    focals = focals_px[:, None, None]
    x, y = (x + shift[0] - width / 2) / focals, (y + shift[1] - height / 2) / focals
    rotation = camera_from_world[..., :3]
    origins = -(rotation * camera_from_world[..., 3:]).sum(-2)
    right, down, ahead = rotation.movedim(-1, 0)[..., None, None].unbind(2)  # each (3, F, 1, 1)
    return origins, right * x + down * y + ahead


def pixel_centers(width: int, height: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """x and y, each (Q, 16), of the pixels in the order of the packets."""
    rows, columns = -(-height // SIDE), -(-width // SIDE)
    y, x = torch.meshgrid(
        torch.arange(rows * SIDE, device=device) + 0.5, torch.arange(columns * SIDE, device=device) + 0.5, indexing="ij"
    )
    return _packets(x, rows, columns), _packets(y, rows, columns)


def picture(values: Tensor, width: int, height: int) -> Tensor:
    """(..., Q, 16) in packets as (..., height, width)."""
    rows, columns = -(-height // SIDE), -(-width // SIDE)
    lead = values.shape[:-2]
    whole = values.reshape(*lead, rows, columns, SIDE, SIDE).transpose(-3, -2)
    return whole.reshape(*lead, rows * SIDE, columns * SIDE)[..., :height, :width]


def _packets(values: Tensor, rows: int, columns: int) -> Tensor:
    return values.reshape(rows, SIDE, columns, SIDE).transpose(1, 2).reshape(rows * columns, SIDE * SIDE)
