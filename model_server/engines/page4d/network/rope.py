"""Rotary position embedding in two dimensions (arXiv 2104.09864, 2403.13298; MODEL_SPEC 2.2)."""

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Rotation:
    """Cosines and signed sines of every token's angles: (tokens, 1, head_dim), for (..., tokens, heads, head_dim)."""

    cos: Tensor
    sin: Tensor

    def __call__(self, x: Tensor) -> Tensor:
        """Turn x (B, tokens, heads, head_dim): the first half of its channels by the row, the second by the column."""
        quarter = x.shape[-1] // 4
        a, b, c, d = x.split(quarter, dim=-1)
        return torch.addcmul(x * self.cos, torch.cat((b, a, d, c), dim=-1), self.sin)

    def repeated(self, frames: int) -> "Rotation":
        """For the tokens of that many frames in a row: there is no position in time."""
        return Rotation(self.cos.repeat(frames, 1, 1), self.sin.repeat(frames, 1, 1))


def rotation(
    rows: int, columns: int, special: int, head_dim: int, base: float, device: torch.device, dtype: torch.dtype
) -> Rotation:
    """For one frame's tokens: `special` ones, which are not turned, then rows x columns patches, counted from 1."""
    half = head_dim // 2
    frequencies = base ** -(torch.arange(0, half, 2, dtype=torch.float32, device=device) / half)
    row = torch.arange(1, rows + 1, dtype=torch.float32, device=device)
    column = torch.arange(1, columns + 1, dtype=torch.float32, device=device)
    by_row = (row[:, None] * frequencies).repeat_interleave(columns, dim=0)
    by_column = (column[:, None] * frequencies).repeat(rows, 1)
    angles = torch.cat((by_row, by_row, by_column, by_column), dim=1)
    angles = torch.cat((angles.new_zeros(special, head_dim), angles))
    sign = torch.ones(head_dim, device=device).view(2, 2, -1)
    sign[:, 0] = -1  # the first of a pair gets minus the sine of the second
    cos, sin = angles.cos(), angles.sin() * sign.flatten()
    return Rotation(cos.to(dtype)[:, None], sin.to(dtype)[:, None])
