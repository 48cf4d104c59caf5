"""Points followed through all frames (MODEL_SPEC 3.3; CoTracker, arXiv 2307.07635)."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from model_server.engines.page4d.network.config import ModelConfig
from model_server.engines.page4d.network.dense_head import DenseFeatures
from model_server.engines.page4d.network.layers import Linear, Mlp
from model_server.engines.page4d.network.track_correlation import Correlations, sampling_grid
from model_server.engines.page4d.network.track_update import TrackUpdate

_FLOW_BASE, _GRID_BASE = 1000.0, 10000.0


@dataclass(frozen=True)
class PointTracks:
    positions: Tensor  # (B, S, N, 2) x, y in pixels of the network's image
    visibility: Tensor  # (B, S, N) 0..1
    confidence: Tensor  # (B, S, N) 0..1


class TrackHead(nn.Module):
    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        track = config.track
        if track is None:
            raise ValueError("the configuration has no track head")
        self.track, self.patch = track, config.patch
        self.features = DenseFeatures(config, track.features, track.features)
        self.feature_norm = nn.LayerNorm(track.features)
        window = (2 * track.radius + 1) ** 2
        self.correlation = Mlp(track.levels * window, track.width, track.features)
        self.token_dim = 2 * track.features + 2 * track.flow_embedding + 4
        self.query_token = nn.Parameter(torch.zeros(1, 2, self.token_dim))
        self.update = TrackUpdate(track, self.token_dim)
        self.change_norm = nn.GroupNorm(1, track.features)
        self.change = Linear(track.features, track.features)
        self.visibility = Linear(track.features, 1)
        self.confidence = Linear(track.features, 1)

    def feature_map(self, tokens: list[Tensor], rows: int, columns: int) -> Tensor:
        """Tokens of some frames, four of (B, P, 2 * dim), to (B, C, H / stride, W / stride)."""
        features = self.features(tokens, rows, columns, positions=False)
        size = (self.patch * rows // self.track.stride, self.patch * columns // self.track.stride)
        return functional.interpolate(features, size=size, mode="bilinear", align_corners=True)

    def forward(self, maps: Tensor, queries: Tensor) -> PointTracks:
        """Follow the queries, which are points of the first frame.

        Args:
            maps: (B, S, C, h, w) from `feature_map`.
            queries: (B, N, 2) x, y in pixels of the network's image.

        Raises:
            ValueError: the picture is too small for the pyramid of maps.
        """
        maps = self.feature_norm(maps.movedim(2, -1)).movedim(-1, 2)
        (batch, frames, _, *size), count = maps.shape, queries.shape[1]
        query = queries / self.track.stride
        correlations = Correlations(maps, self.track.levels, self.track.radius)
        # (B, N, S, ...): tracks before frames, as the update works along time.
        positions = query[:, :, None].expand(-1, -1, frames, -1)
        features = sampled(maps[:, 0], query)[:, :, None].expand(-1, -1, frames, -1)
        fixed = grid_embedding(query, (size[0], size[1]), self.token_dim)[:, :, None] + self._query_tokens(frames)
        for _ in range(self.track.iterations):
            change = self.update(self._tokens(correlations, positions, features) + fixed)
            feature_change = self.change_norm(change[..., 2:].reshape(-1, self.track.features))
            features = features + functional.gelu(self.change(feature_change)).view(batch, count, frames, -1)
            positions = positions + change[..., :2]
            positions = torch.cat((query[:, :, None], positions[:, :, 1:]), dim=2)
        return PointTracks(
            positions.transpose(1, 2) * self.track.stride,
            self.visibility(features)[..., 0].sigmoid().transpose(1, 2),
            self.confidence(features)[..., 0].sigmoid().transpose(1, 2),
        )

    def _query_tokens(self, frames: int) -> Tensor:
        first, others = self.query_token[:, None].split(1, dim=2)
        return torch.cat((first, others.expand(-1, -1, frames - 1, -1)), dim=2)

    def _tokens(self, correlations: Correlations, positions: Tensor, features: Tensor) -> Tensor:
        flow = positions - positions[:, :, :1]
        scaled = flow / self.track.flow_scale
        likeness = self.correlation(correlations.around(positions, features))
        embedded = flow_embedding(flow, self.track.flow_embedding)
        return torch.cat((embedded, scaled, scaled, likeness, features), dim=-1)


def sampled(maps: Tensor, positions: Tensor) -> Tensor:
    """(B, C, h, w) at positions (B, N, 2) in its cells, corner cell's center (0, 0), to (B, N, C); edges go on."""
    height, width = maps.shape[2:]
    grid = sampling_grid(positions, width, height)
    values = functional.grid_sample(maps, grid[:, :, None], padding_mode="border", align_corners=True)
    return values[..., 0].transpose(1, 2)


def flow_embedding(flow: Tensor, channels: int) -> Tensor:
    """(..., 2) to (..., 2 * channels): sines and cosines in turn, x's before y's."""
    frequencies = torch.arange(0, channels, 2, dtype=flow.dtype, device=flow.device) * (_FLOW_BASE / channels)
    angles = flow[..., None] * frequencies
    return torch.stack((angles.sin(), angles.cos()), dim=-1).flatten(-3)


def grid_embedding(positions: Tensor, size: tuple[int, int], channels: int) -> Tensor:
    """Where positions (B, N, 2) lie in a grid of `size` (h, w), to (B, N, channels), x's before y's.

    The grid holds sines and cosines at whole numbers, and between them is interpolated.
    """
    quarter = channels // 4
    frequencies = _GRID_BASE ** -(torch.arange(quarter, dtype=torch.float64, device=positions.device) / quarter)
    parts = []
    for axis, count in enumerate((size[1], size[0])):
        place = positions[..., axis].clamp(0, count - 1)
        before = place.floor().clamp(max=max(count - 2, 0))
        for whole, weight in ((before, 1 - (place - before)), (before + 1, place - before)):
            angles = whole.double()[..., None] * frequencies
            parts.append(torch.cat((angles.sin(), angles.cos()), dim=-1).to(positions.dtype) * weight[..., None])
    return torch.cat((parts[0] + parts[1], parts[2] + parts[3]), dim=-1)
