"""Alternating attention within frames and over all of them, with PAGE-4D's mask (MODEL_SPEC 2.2 to 2.4)."""

from collections.abc import Collection
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from model_server.engines.page4d.network.config import ModelConfig
from model_server.engines.page4d.network.mask_head import MaskHead
from model_server.engines.page4d.network.rope import Rotation, rotation
from model_server.engines.page4d.network.transformer import Block, RowBias


@dataclass(frozen=True)
class Aggregated:
    rounds: dict[int, Tensor]  # (B, S, P, 2 * dim): each round's frame block beside its global block
    keys: Tensor | None  # (B, S, rows, columns): the mask's keys, -0.5 moving .. 0.5 still; None where it is off


class Aggregator(nn.Module):
    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        aggregator, dim = config.aggregator, config.backbone.dim
        self.mask, self.special = config.mask, config.special_tokens
        self.head_dim, self.rope_base = dim // aggregator.heads, aggregator.rope_base
        # Slot 0 is for the first frame, slot 1 for all others.
        self.camera_token = nn.Parameter(torch.zeros(1, 2, 1, dim))
        self.register_token = nn.Parameter(torch.zeros(1, 2, aggregator.registers, dim))

        def blocks() -> nn.ModuleList:
            return nn.ModuleList(
                Block(dim, aggregator.heads, config.mlp_ratio, normalize=True) for _ in range(aggregator.rounds)
            )

        self.frame_blocks, self.global_blocks = blocks(), blocks()
        if config.mask is not None:
            self.mask_head = MaskHead(dim, config.mask.hidden)
        self._rotations: dict[tuple[int, int, torch.device, torch.dtype], Rotation] = {}

    def forward(self, patches: Tensor, rows: int, columns: int, strength: float, wanted: Collection[int]) -> Aggregated:
        """Patch tokens (B, S, rows * columns, dim) to the outputs of the rounds that are `wanted`.

        Args:
            strength: the mask's alpha; 0 turns it off.
        """
        batch, frames, _, dim = patches.shape
        x = self._with_special(patches)
        within = self._rotation(rows, columns, x)
        across = within.repeated(frames)
        count = x.shape[2]
        kept: dict[int, Tensor] = {}
        keys: Tensor | None = None
        bias: RowBias | None = None
        for index, (frame_block, global_block) in enumerate(zip(self.frame_blocks, self.global_blocks)):
            x = frame_block(x.view(batch * frames, count, dim), within)
            if self.mask is not None and strength and index == self.mask.source_round:
                keys = self._keys(x, rows, columns).view(batch, frames, rows, columns)
                bias = self._bias(keys, strength)
            in_frame = x
            masked = self.mask is not None and self.mask.first_round <= index < self.mask.stop_round
            x = global_block(x.view(batch, frames * count, dim), across, bias if masked else None)
            if index in wanted:
                kept[index] = torch.cat([part.view(batch, frames, count, dim) for part in (in_frame, x)], dim=-1)
        return Aggregated(kept, keys)

    def _with_special(self, patches: Tensor) -> Tensor:
        batch, frames = patches.shape[:2]
        special = torch.cat((self.camera_token, self.register_token), dim=2)
        special = torch.cat((special[:, :1], special[:, 1:].expand(-1, frames - 1, -1, -1)), dim=1)
        return torch.cat((special.expand(batch, -1, -1, -1), patches), dim=2)

    def _rotation(self, rows: int, columns: int, x: Tensor) -> Rotation:
        known = rows, columns, x.device, x.dtype
        if known not in self._rotations:
            self._rotations.clear()  # a shot has one size
            with torch.inference_mode(False):  # what is kept may be needed for gradients later
                self._rotations[known] = rotation(
                    rows, columns, self.special, self.head_dim, self.rope_base, x.device, x.dtype
                )
        return self._rotations[known]

    def _keys(self, x: Tensor, rows: int, columns: int) -> Tensor:
        return self.mask_head(x[:, self.special :].detach().transpose(1, 2).reshape(len(x), -1, rows, columns))

    def _bias(self, keys: Tensor, strength: float) -> RowBias:
        batch, frames = keys.shape[:2]
        per_frame = torch.cat((keys.new_zeros(batch, frames, self.special), keys.flatten(2)), dim=2)
        special = torch.arange(self.special, device=keys.device)
        rows = special + per_frame.shape[2] * torch.arange(frames, device=keys.device)[:, None]
        return RowBias(rows.flatten(), strength * per_frame.flatten(1))
