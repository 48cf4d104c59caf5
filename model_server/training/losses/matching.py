"""Whether attention finds each patch in the first frame. Ours, in the place of VGGT's loss of tracks (arXiv 2503.11651,
section 3.4): a network that begins from nothing learns no cameras from cameras alone, not in hours on a CPU."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from model_server.engines.page4d.network.network import Page4DNetwork
from model_server.engines.page4d.network.rope import rotation
from model_server.training.normalized import Truth

_EVERY = 2  # of the rounds, the first among them
_HEADS = 2  # of each watched block, the last: see `initial_weights`; the others attend to what they like
_NEAREST = 1e-3  # mean distances before a camera, in which a point has a place in its picture


@dataclass(frozen=True)
class Targets:
    """Where the middles of patches of all frames but the first are in the first one."""

    weights: Tensor  # (B, S - 1, N, N) shares of the first frame's patches; each row sums to 1 where it is known
    known: Tensor  # (B, S - 1, N) bool


class AttentionWatch:
    """Keeps queries and keys of some global blocks, as the network's last forward pass had them."""

    def __init__(self, network: Page4DNetwork) -> None:
        self._special, self._patch = network.config.special_tokens, network.config.patch
        self._head_dim, self._base = network.aggregator.head_dim, network.config.aggregator.rope_base
        self._kept: list[dict[str, Tensor]] = []
        for block in list(network.aggregator.global_blocks)[::_EVERY]:
            kept: dict[str, Tensor] = {}
            for name in ("q", "k"):
                block.get_submodule(f"attn.{name}_norm").register_forward_hook(_keeper(kept, name))
            self._kept.append(kept)

    def loss(self, truth: Truth) -> Tensor:
        """Mean cross entropy, in nats, of the watched heads' attention against where each patch is.

        A patch of a later frame is to attend to the patches of the first frame that its middle lies between, and to
        nothing else of the window. Only for scenes in which nothing moves.
        """
        targets = targets_of(truth, self._patch)
        frames, height, width = truth.depth.shape[1:]
        rows, columns = height // self._patch, width // self._patch
        turn = rotation(
            rows, columns, self._special, self._head_dim, self._base, truth.depth.device, torch.float32
        ).repeated(frames)
        losses = []
        for kept in self._kept:
            q, k = (turn(kept.pop(name).float())[:, :, -_HEADS:] for name in ("q", "k"))
            queries = q.view(len(q), frames, -1, *q.shape[2:])[:, 1:, self._special :]
            logits = torch.einsum("bsnhd,bmhd->bshnm", queries, k) * self._head_dim**-0.5
            found = logits.log_softmax(-1)[..., self._special : self._special + rows * columns]
            losses.append(cross_entropy(found, targets))
        return torch.stack(losses).mean()


def cross_entropy(found: Tensor, targets: Targets) -> Tensor:
    """Mean over heads and known patches: found (B, S - 1, heads, N, N) are logarithms of attention."""
    each = -(found * targets.weights[:, :, None]).sum(-1)
    known = targets.known[:, :, None].expand_as(each)
    return torch.where(known, each, 0.0).sum() / known.sum().clamp_min(1)


@dataclass(frozen=True)
class Places:
    """Where the middles of patches of all frames but the first are seen in the first one."""

    column: Tensor  # (B, S - 1, rows, columns) patches; 0 is the middle of the first
    row: Tensor
    known: Tensor  # bool: valid, in front of the first camera and in its picture


@torch.no_grad()
def places_of(truth: Truth, patch: int) -> Places:
    """By the true points and cameras."""
    height, width = truth.depth.shape[-2:]
    middles = slice(patch // 2, None, patch)
    points, valid = truth.points[:, 1:, middles, middles], truth.valid[:, 1:, middles, middles]
    intrinsics = truth.intrinsics[:, :1, None, None]  # the world is the first camera
    depth = points[..., 2].clamp_min(_NEAREST)
    column = (points[..., 0] / depth * intrinsics[..., 0, 0] + intrinsics[..., 0, 2]) / patch - 0.5
    row = (points[..., 1] / depth * intrinsics[..., 1, 1] + intrinsics[..., 1, 2]) / patch - 0.5
    rows, columns = height // patch, width // patch
    inside = (column > -0.5) & (column < columns - 0.5) & (row > -0.5) & (row < rows - 0.5)
    return Places(column, row, valid & (points[..., 2] > _NEAREST) & inside)


@torch.no_grad()
def targets_of(truth: Truth, patch: int) -> Targets:
    """The first frame's patches as bilinear weights around where each later patch's middle is seen there."""
    places = places_of(truth, patch)
    rows, columns = places.known.shape[-2:]
    across, down = _weights(places.column, columns), _weights(places.row, rows)
    weights = (down[..., :, None] * across[..., None, :]).flatten(-2).flatten(2, 3)
    return Targets(weights, places.known.flatten(2))


def _weights(place: Tensor, count: int) -> Tensor:
    """(...) places among `count` in a row to linear weights (..., count); beyond the last it is the last."""
    within = place.clamp(0, count - 1)[..., None]
    return (1 - (within - torch.arange(count, device=place.device)).abs()).clamp_min(0)


def _keeper(kept: dict[str, Tensor], name: str) -> Callable[[nn.Module, Any, Tensor], None]:
    def keep(module: nn.Module, given: Any, result: Tensor) -> None:
        kept[name] = result

    return keep
