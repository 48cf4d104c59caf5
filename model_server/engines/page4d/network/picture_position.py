"""Where in the picture a cell of a feature map is, as sines and cosines (MODEL_SPEC 3.2)."""

from functools import lru_cache

import torch
from torch import Tensor

_BASE, _FACTOR = 100.0, 0.1


def with_positions(x: Tensor, aspect: float) -> Tensor:
    """x (B, C, H, W) and what tells where a cell is: the first half of the channels the column, the second the row.

    Where there are no gradients, x itself is changed, for the memory that another takes.

    Args:
        aspect: the picture's width over its height.
    """
    channels, height, width = x.shape[1:]
    diagonal = (aspect**2 + 1) ** 0.5
    across = _embedding(width, aspect / diagonal, channels // 2, x.device, x.dtype)
    down = _embedding(height, 1 / diagonal, channels // 2, x.device, x.dtype)
    if x.requires_grad:
        return x + torch.cat((across[:, None].expand(-1, height, -1), down[:, :, None].expand(-1, -1, width)))
    x[:, : channels // 2] += across[:, None]
    x[:, channels // 2 :] += down[:, :, None]
    return x


@lru_cache(maxsize=32)
def _embedding(count: int, span: float, channels: int, device: torch.device, dtype: torch.dtype) -> Tensor:
    """(channels, count) for cells spread over -span..span, edges a cell's half inside."""
    edge = span * (count - 1) / count
    places = torch.linspace(-edge, edge, count, dtype=torch.float32, device=device).double()
    half = channels // 2
    frequencies = _BASE ** -(torch.arange(half, dtype=torch.float64, device=device) / half)
    angles = frequencies[:, None] * places
    return (_FACTOR * torch.cat((angles.sin(), angles.cos())).float()).to(dtype)
