"""The transformer that moves tracks: along time, and between tracks by way of a few virtual ones (MODEL_SPEC 3.3)."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from model_server.engines.page4d.network.config import TrackHeadConfig
from model_server.engines.page4d.network.layers import Linear, Mlp, like

_MLP_RATIO = 4


class TrackUpdate(nn.Module):
    def __init__(self, track: TrackHeadConfig, token_dim: int) -> None:
        super().__init__()
        width, heads = track.width, track.heads
        self.input_norm = nn.LayerNorm(token_dim)
        self.input_transform = Linear(token_dim, width)
        self.virtual_tracks = nn.Parameter(torch.zeros(1, track.virtual_tracks, 1, width))

        def blocks(crossing: bool) -> nn.ModuleList:
            return nn.ModuleList(TrackBlock(width, heads, crossing) for _ in range(track.depth))

        self.time_blocks = blocks(crossing=False)
        self.gather_blocks = blocks(crossing=True)  # virtual tracks look at the points
        self.exchange_blocks = blocks(crossing=False)  # virtual tracks look at each other
        self.spread_blocks = blocks(crossing=True)  # points look at the virtual tracks
        self.output_norm = nn.LayerNorm(width)
        self.output = Linear(width, 2 + track.features)

    def forward(self, tokens: Tensor) -> Tensor:
        """tokens (B, N, S, token_dim) to changes (B, N, S, 2 + features): of position, then of feature."""
        (batch, count, frames, _) = tokens.shape
        start = self.input_transform(self.input_norm(tokens))
        x = torch.cat((start, self.virtual_tracks.expand(batch, -1, frames, -1)), dim=1)
        for along_time, gather, exchange, spread in zip(
            self.time_blocks, self.gather_blocks, self.exchange_blocks, self.spread_blocks
        ):
            x = along_time(x.flatten(0, 1)).unflatten(0, (batch, -1))
            points, virtual = x.transpose(1, 2).flatten(0, 1).split((count, x.shape[1] - count), dim=1)
            virtual = exchange(gather(virtual, points))
            points = spread(points, virtual)
            x = torch.cat((points, virtual), dim=1).unflatten(0, (batch, frames)).transpose(1, 2)
        return self.output(self.output_norm(x[:, :count] + start))


class TrackBlock(nn.Module):
    """What is carried on is the normalized input, as in the reference."""

    def __init__(self, width: int, heads: int, crossing: bool) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(width)
        if crossing:
            self.norm_context = nn.LayerNorm(width)
        self.attn = JoinedAttention(width, heads)
        self.norm2 = nn.LayerNorm(width)
        self.mlp = Mlp(width, _MLP_RATIO * width)

    def forward(self, x: Tensor, context: Tensor | None = None) -> Tensor:
        """x (B, N, width) attends to itself, or to a context (B, M, width)."""
        x = self.norm1(x)
        x = x + self.attn(x, x if context is None else self.norm_context(context))
        return x + self.mlp(self.norm2(x))


class JoinedAttention(nn.Module):
    """Multi-head attention whose query, key and value maps are kept as one matrix, as torch keeps them."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.in_proj_weight = nn.Parameter(torch.zeros(3 * width, width))
        self.in_proj_bias = nn.Parameter(torch.zeros(3 * width))
        self.out_proj = Linear(width, width)

    def forward(self, x: Tensor, context: Tensor) -> Tensor:
        """x (B, N, width), context (B, M, width) to (B, N, width)."""
        width = x.shape[-1]
        weight, bias = like(self.in_proj_weight, x), like(self.in_proj_bias, x)
        q = functional.linear(x, weight[:width], bias[:width])
        k, v = functional.linear(context, weight[width:], bias[width:]).chunk(2, dim=-1)
        q, k, v = (part.unflatten(-1, (self.heads, -1)).transpose(1, 2) for part in (q, k, v))
        return self.out_proj(functional.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2))
