"""Linear maps and convolutions whose weights may lie in memory at less precision than they compute in."""

import torch
from torch import Tensor, nn
from torch.nn import functional


class Linear(nn.Linear):
    """nn.Linear that computes in its input's precision, whatever its weights are stored in."""

    def forward(self, x: Tensor) -> Tensor:
        """(..., in) to (..., out)."""
        return functional.linear(x, like(self.weight, x), like(self.bias, x))


class Conv2d(nn.Conv2d):
    """nn.Conv2d that computes in its input's precision."""

    def forward(self, x: Tensor) -> Tensor:
        """(B, in, H, W) to (B, out, H', W')."""
        bias = None if self.bias is None else like(self.bias, x)
        return self._conv_forward(x, like(self.weight, x), bias)


class ConvTranspose2d(nn.ConvTranspose2d):
    """nn.ConvTranspose2d that computes in its input's precision; its kernel is as large as its stride."""

    def forward(self, x: Tensor) -> Tensor:  # type: ignore[override]
        """(B, in, H, W) to (B, out, H * stride, W * stride)."""
        bias = None if self.bias is None else like(self.bias, x)
        return functional.conv_transpose2d(x, like(self.weight, x), bias, self.stride)


class LayerScale(nn.Module):
    """A learned factor for each channel (arXiv 2103.17239); the block multiplies and adds in one step."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.gamma = nn.Parameter(torch.full((dim,), 0.01))


class Mlp(nn.Module):
    """Two linear maps with the exact (erf) GELU between them."""

    def __init__(self, dim: int, hidden: int, out: int | None = None) -> None:
        super().__init__()
        self.fc1 = Linear(dim, hidden)
        self.fc2 = Linear(hidden, dim if out is None else out)

    def forward(self, x: Tensor) -> Tensor:
        """(..., dim) to (..., out)."""
        return self.fc2(functional.gelu(self.fc1(x)))


def like(parameter: Tensor, x: Tensor) -> Tensor:
    """A parameter in the precision that x is computed in."""
    # Under autocast the operation itself casts, and casting up first would only cost memory.
    return parameter if torch.is_autocast_enabled(x.device.type) else parameter.to(x.dtype)
