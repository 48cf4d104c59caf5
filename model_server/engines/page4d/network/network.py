"""PAGE-4D whole: pictures of a window of frames in, cameras, depth, points and motion out (arXiv 2510.17568)."""

from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from enum import StrEnum

import torch
from torch import Tensor, nn

from model_server.engines.page4d.network.aggregator import Aggregator
from model_server.engines.page4d.network.backbone import Backbone
from model_server.engines.page4d.network.camera_head import CameraHead
from model_server.engines.page4d.network.config import ModelConfig
from model_server.engines.page4d.network.dense_head import DenseHead, activated_depth, activated_points
from model_server.engines.page4d.network.track_head import PointTracks, TrackHead


class Head(StrEnum):
    CAMERA = "camera"
    DEPTH = "depth"
    POINTS = "points"


@dataclass(frozen=True)
class Prediction:
    """B windows of S frames of H x W pixels; world = each window's first camera. What was not asked for is None."""

    poses: Tensor | None = (
        None  # (refinements, B, S, 9), best last: translation, quaternion xyzw, fov vertical, horizontal
    )
    depth: Tensor | None = None  # (B, S, H, W) along the optical axis
    depth_confidence: Tensor | None = None  # (B, S, H, W) > 1
    points: Tensor | None = None  # (B, S, H, W, 3) in the world
    points_confidence: Tensor | None = None  # (B, S, H, W) > 1
    tracks: PointTracks | None = None
    keys: Tensor | None = None  # (B, S, rows, columns) -0.5 moving .. 0.5 still; None where the mask is off
    rounds: dict[int, Tensor] = field(default_factory=dict)  # the aggregator's outputs that were asked for


class Page4DNetwork(nn.Module):
    """Takes and gives tensors; knows no files and chooses no device."""

    def __init__(self, config: ModelConfig, heads: Collection[Head] = tuple(Head)) -> None:
        """Heads that are left out have no weights, and need none."""
        super().__init__()
        self.config = config
        self.backbone = Backbone(config)
        self.aggregator = Aggregator(config)
        if Head.CAMERA in heads:
            self.camera_head = CameraHead(config)
        if Head.DEPTH in heads:
            self.depth_head = DenseHead(config, values=1)
        if Head.POINTS in heads:
            self.points_head = DenseHead(config, values=3)
        if config.track is not None:
            self.track_head = TrackHead(config)

    def compile_blocks(self) -> None:
        """Let torch.compile make kernels for the transformer's blocks when they first run; minutes, then faster."""
        aggregator = self.aggregator
        for block in (*self.backbone.blocks, *aggregator.frame_blocks, *aggregator.global_blocks):
            block.compile(dynamic=False)

    def recompute_blocks(self) -> None:
        """Let training keep only what goes into each transformer block: much less memory, a third slower."""
        aggregator = self.aggregator
        for block in (*self.backbone.blocks, *aggregator.frame_blocks, *aggregator.global_blocks):
            block.recompute = True

    def forward(
        self,
        images: Tensor,
        strength: float = 0.0,
        heads: Collection[Head] = (Head.CAMERA, Head.DEPTH),
        queries: Tensor | None = None,
        frames_at_once: int = 1,
        rounds: Collection[int] = (),
    ) -> Prediction:
        """Look at windows of frames.

        Args:
            images: (B, S, 3, H, W) sRGB 0..1, sides multiples of the patch.
            strength: alpha of the mask; 0 turns it off.
            heads: what to work out.
            queries: (B, N, 2) x, y of points in the first frame to follow, in pixels.
            frames_at_once: how many frames the heads for pixels take at a time; a matter of memory alone.
            rounds: outputs of the aggregator to hand out.
        """
        batch, frames = images.shape[:2]
        patches = self.backbone(images.flatten(0, 1)).unflatten(0, (batch, frames))
        size = images.shape[-2] // self.config.patch, images.shape[-1] // self.config.patch
        return self.from_patches(patches, size, strength, heads, queries, frames_at_once, rounds)

    def from_patches(
        self,
        patches: Tensor,
        size: tuple[int, int],
        strength: float = 0.0,
        heads: Collection[Head] = (Head.CAMERA, Head.DEPTH),
        queries: Tensor | None = None,
        frames_at_once: int = 1,
        rounds: Collection[int] = (),
    ) -> Prediction:
        """The same from the backbone's tokens (B, S, rows * columns, dim), which overlapping windows may share.

        Args:
            size: rows and columns of patches.
        """
        wanted = set(rounds) | set(self.config.dense.rounds) | {self.config.aggregator.rounds - 1}
        found = self.aggregator(patches, *size, strength, wanted)
        with torch.autocast(patches.device.type, enabled=False):  # the heads are made for full precision
            return self._read(found.rounds, found.keys, size, heads, queries, frames_at_once, rounds)

    def _read(
        self,
        outputs: dict[int, Tensor],
        keys: Tensor | None,
        size: tuple[int, int],
        heads: Collection[Head],
        queries: Tensor | None,
        frames_at_once: int,
        rounds: Collection[int],
    ) -> Prediction:
        tokens = [outputs[index] for index in self.config.dense.rounds]
        last = outputs[self.config.aggregator.rounds - 1]
        poses = self.camera_head(_at_least_float32(last[:, :, 0])) if Head.CAMERA in heads else None
        depth = depth_confidence = points = points_confidence = tracks = None
        if Head.DEPTH in heads:
            raw = _per_frame(lambda part: self.depth_head(part, *size), tokens, frames_at_once)
            depth, depth_confidence = (x.unflatten(0, last.shape[:2]) for x in activated_depth(raw))
        if Head.POINTS in heads:
            raw = _per_frame(lambda part: self.points_head(part, *size), tokens, frames_at_once)
            points, points_confidence = (x.unflatten(0, last.shape[:2]) for x in activated_points(raw))
        if queries is not None:
            maps = _per_frame(lambda part: self.track_head.feature_map(part, *size), tokens, frames_at_once)
            tracks = self.track_head(maps.unflatten(0, last.shape[:2]), queries)
        handed_out = {index: outputs[index] for index in rounds}
        return Prediction(poses, depth, depth_confidence, points, points_confidence, tracks, keys, handed_out)


def _per_frame(head: Callable[[list[Tensor]], Tensor], tokens: list[Tensor], frames_at_once: int) -> Tensor:
    """What `head` makes of the tokens of a few frames at a time."""
    frames = [level.flatten(0, 1) for level in tokens]
    parts = zip(*(level.split(frames_at_once) for level in frames))
    return torch.cat([head([_at_least_float32(level) for level in part]) for part in parts])


def _at_least_float32(x: Tensor) -> Tensor:
    return x if x.dtype is torch.float64 else x.float()
