"""How well a track's feature fits around where the track is, at several scales (MODEL_SPEC 3.3)."""

import torch
from torch import Tensor
from torch.nn import functional


class Correlations:
    def __init__(self, maps: Tensor, levels: int, radius: int) -> None:
        """maps (B, S, C, h, w); each level is half the size of the one before."""
        smallest, needed = min(maps.shape[3:]), 2 ** (levels - 1)
        if smallest < needed:
            raise ValueError(f"tracking needs feature maps of {needed} or more cells a side, not {smallest}")
        self._pyramid = [maps]
        for _ in range(levels - 1):
            self._pyramid.append(functional.avg_pool2d(self._pyramid[-1].flatten(0, 1), 2).unflatten(0, maps.shape[:2]))
        steps = torch.arange(-radius, radius + 1, dtype=maps.dtype, device=maps.device)
        # The window's first axis is x, as in the reference.
        self._window = torch.stack(torch.meshgrid(steps, steps, indexing="ij"), dim=-1)

    def around(self, positions: Tensor, features: Tensor) -> Tensor:
        """positions (B, N, S, 2) in cells of the finest level, features (B, N, S, C), to (B, N, S, levels * window)."""
        batch, count, frames, channels = features.shape
        columns = []
        for level, maps in enumerate(self._pyramid):
            height, width = maps.shape[3:]
            likeness = torch.einsum("bnsc,bschw->bnshw", features, maps) / channels**0.5
            places = positions[..., None, None, :] / 2**level + self._window
            grid = sampling_grid(places, width, height)
            values = functional.grid_sample(
                likeness.reshape(-1, 1, height, width), grid.flatten(0, 2), padding_mode="zeros", align_corners=True
            )
            columns.append(values.view(batch, count, frames, -1))
        return torch.cat(columns, dim=-1)


def sampling_grid(positions: Tensor, width: int, height: int) -> Tensor:
    """Positions (..., 2) in cells, corner cells' centers 0 and width - 1, to -1..1 as grid_sample wants them."""
    x, y = positions.unbind(-1)
    return torch.stack((x * (2 / max(width - 1, 1)) - 1, y * (2 / max(height - 1, 1)) - 1), dim=-1)
