"""Whether tokens tell, as plain numbers, what the heads are to read out of them. Ours, beside `matching`.

Attention that finds patches again moves no camera yet: after 3,600 steps its mean shift correlated at 0.7 with how the
camera tilted, and tokens told 0.2 of it. So a few channels of the tokens are given a meaning: of a patch how far it has
from where the first frame has it, of a camera token its pose, each in a range like that of the other channels.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from model_server.engines.page4d.network.network import Page4DNetwork
from model_server.training.losses.matching import places_of
from model_server.training.normalized import Truth
from model_server.training.pose_encoder import encode_cameras

_SPREAD = 3.0  # of a channel over clips, in the rounds that are told: what differs between clips is made so large
SHIFT = 3.0  # patches come about a patch far
_TRANSLATION, _QUATERNION, FIELD = 15.0, (60.0, 30.0, 120.0), 10.0
COMMON_FIELD = 1.0  # radians


class TokenWatch:
    """Keeps the tokens of the later half of the rounds, every second, as the network's last forward pass had them."""

    def __init__(self, network: Page4DNetwork) -> None:
        self._special, self._patch = network.config.special_tokens, network.config.patch
        self._first = network.config.backbone.dim // 2  # of the channels that are told: high frequencies begin here
        rounds = len(network.aggregator.global_blocks)
        self._kept: dict[int, Tensor] = {}
        for index in range(rounds - 1, rounds // 2 - 2, -2):
            network.aggregator.global_blocks[index].register_forward_hook(self._keeper(index))

    def loss(self, truth: Truth) -> Tensor:
        """Mean smooth L1 distance, in spreads, of the told channels from what they are to say; over rounds.

        Only for scenes in which nothing moves.
        """
        shift, known = told_shifts(truth, self._patch)
        pose = told_poses(truth)
        losses = []
        for index in list(self._kept):
            tokens = self._kept.pop(index).float()
            tokens = tokens.view(len(tokens), truth.depth.shape[1], -1, tokens.shape[-1])[..., self._first :]
            shifted = _off(tokens[:, 1:, self._special :, :2], shift).mean(-1)
            patches = torch.where(known, shifted, 0.0).sum() / known.sum().clamp_min(1)
            losses.append(patches + _off(tokens[:, :, 0, : pose.shape[-1]], pose).mean())
        return torch.stack(losses).mean()

    def _keeper(self, index: int) -> Callable[[nn.Module, Any, Tensor], None]:
        def keep(module: nn.Module, given: Any, result: Tensor) -> None:
            self._kept[index] = result

        return keep


@torch.no_grad()
def told_shifts(truth: Truth, patch: int) -> tuple[Tensor, Tensor]:
    """The way from each patch to where it is seen in the first frame.

    Returns:
        (B, S - 1, N, 2) x and y, `SHIFT` a patch, and (B, S - 1, N) bool: where it is known.
    """
    places = places_of(truth, patch)
    rows, columns = places.known.shape[-2:]
    device = truth.depth.device
    shift = torch.stack(
        (
            places.column - torch.arange(columns, device=device),
            places.row - torch.arange(rows, device=device)[:, None],
        ),
        dim=-1,
    )
    return SHIFT * shift.flatten(2, 3), places.known.flatten(2)


@torch.no_grad()
def told_poses(truth: Truth) -> Tensor:
    """(B, S, 8): translation, the quaternion's x y z, and fields of view, each about `_SPREAD` apart between clips."""
    height, width = truth.depth.shape[-2:]
    pose = encode_cameras(truth.camera_from_world, truth.intrinsics, width, height)
    turn = pose[..., 3:6] * pose.new_tensor(_QUATERNION)
    return torch.cat((pose[..., :3] * _TRANSLATION, turn, (pose[..., 7:] - COMMON_FIELD) * FIELD), dim=-1)


def _off(found: Tensor, told: Tensor) -> Tensor:
    return functional.smooth_l1_loss(found / _SPREAD, told / _SPREAD, reduction="none")
