"""Weights to start from: random ones, or a file's."""

from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn

from model_server.engines.page4d.network.layers import LayerScale
from model_server.engines.page4d.network.names import by_our_names
from model_server.engines.page4d.network.network import Page4DNetwork
from model_server.engines.page4d.weights.layout import WrongWeights
from model_server.training.config import ModelSettings
from model_server.training.freezing import HEADS

_TOKEN_STD, _POSITION_STD = 1e-6, 0.02
_COLOR_GAIN = 2.5  # colors differ less than luminance
_QUIET, _WITHIN, _TOLD_APART, _LOW, _CHOOSY = 0.05, 0.5, 0.3, 12, 1.7  # see `_attend_to_what_is_alike`
_FIRST_SAY = 0.1  # of a camera token in its pose: turns of clips differ by less than what a random map makes of it
_FIRST_POSE = (0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.25, 0.25, 0.25)


@torch.no_grad()
def initialize(network: Page4DNetwork, settings: ModelSettings, seed: int) -> None:
    """Random weights, as DINOv2 and VGGT begin (arXiv 2304.07193, 2503.11651), the same for the same seed.

    Linear maps are normal, cut off at two deviations, convolutions as torch makes them; biases are 0, tokens nearly so.
    What a patch is first turned into are its frequencies, each about as strong: see `_frequencies`.
    Each refinement of the camera begins with a quarter of a camera that looks ahead with a field of view of a radian:
    the network cuts fields of view off at 0, and one that began below would never learn.
    """
    generator = torch.Generator().manual_seed(seed)
    for module in network.modules():
        if isinstance(module, nn.Linear):
            _truncated(module.weight, settings.linear_std, generator)
            nn.init.zeros_(module.bias)
        elif isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
            nn.init.kaiming_uniform_(module.weight, a=5**0.5, generator=generator)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
        elif isinstance(module, nn.LayerNorm):
            nn.init.ones_(module.weight)
            nn.init.zeros_(module.bias)
        elif isinstance(module, LayerScale):
            nn.init.constant_(module.gamma, settings.layer_scale)
    backbone, aggregator = network.backbone, network.aggregator
    for token in (
        backbone.cls_token,
        backbone.register_tokens,
        aggregator.camera_token,
        aggregator.register_token,
    ):
        nn.init.normal_(token, std=_TOKEN_STD, generator=generator)
    _truncated(backbone.position_embedding, _POSITION_STD, generator)
    nn.init.zeros_(backbone.mask_token)
    filters = _frequencies(network.config.patch)[: network.config.backbone.dim]
    backbone.patch_projection.weight[: len(filters)] = filters
    if hasattr(network, "camera_head"):
        nn.init.zeros_(network.camera_head.empty_pose_tokens)
        network.camera_head.pose_branch.fc2.bias.copy_(torch.tensor(_FIRST_POSE))
        network.camera_head.pose_branch.fc2.weight.mul_(_FIRST_SAY)
    if settings.alike:
        _attend_to_what_is_alike(network, generator)


def load_weights(network: Page4DNetwork, path: Path, anew: tuple[str, ...] = ()) -> tuple[str, ...]:
    """Fill the network from a safetensors file, under our names or the published ones.

    What the file has of heads that the network has not, is left. Heads that the file has not keep what they have.

    Args:
        anew: of `HEADS`, those that keep what they have whatever the file has.

    Returns:
        The beginnings of the names of the heads that were not taken from the file.

    Raises:
        WrongWeights: there is no such file, or it is another network's.
    """
    try:
        with safe_open(path, framework="pt") as file:
            names = by_our_names(file.keys())
            taken = {ours: name for ours, name in names.items() if not ours.startswith(anew)}
            return _fill(network, {ours: file.get_tensor(name).float() for ours, name in taken.items()}, path)
    except (SafetensorError, OSError) as error:
        raise WrongWeights(f"{path} can't be read as weights: {error}", hint="give a safetensors file") from error


@torch.no_grad()
def _fill(network: Page4DNetwork, found: dict[str, Tensor], path: Path) -> tuple[str, ...]:
    wanted = dict(network.named_parameters())
    absent = tuple(head for head in HEADS if not any(name.startswith(head) for name in found))
    foreign = [name for name in found if name not in wanted and not name.startswith((*HEADS, "aggregator._resnet"))]
    for name, parameter in wanted.items():
        if name.startswith(absent):
            continue
        shape = tuple(found[name].shape) if name in found else None
        if shape != tuple(parameter.shape) or foreign:
            wrong = f"{name} as {shape}, not {tuple(parameter.shape)}" if not foreign else f"{foreign[0]}, unknown here"
            raise WrongWeights(f"{path} holds {wrong}", hint="these weights are not of a network of this size")
        parameter.copy_(found[name])
    return tuple(head for head in absent if any(name.startswith(head) for name in wanted))


def _attend_to_what_is_alike(network: Page4DNetwork, generator: torch.Generator) -> None:
    """Let patches attend to those of like color, in any frame, and take over where these are.

    A fifth of the channels begins with where in the picture a patch is, the others with what it looks like; the
    backbone leaves that nearly as it is. Queries of global blocks equal their keys (Trockman and Kolter 2023) and read
    the lowest frequencies alone, which change least when things go on by half a patch; values pass on. The mean over a
    picture of where its patches attend to then goes with how the camera turned: a correlation of 0.3 before anything
    was learned.
    """
    backbone, aggregator = network.backbone, network.aggregator
    dim = network.config.backbone.dim
    seen = dim - dim // 5 // 4 * 4
    backbone.patch_projection.weight[seen:] = 0
    waves = (dim - seen) // 4
    place = (torch.arange(backbone.grid) + 0.5)[:, None] / backbone.grid * torch.arange(1, waves + 1) * (torch.pi / 2)
    place = torch.cat((place.sin(), place.cos()), dim=1)
    grid = torch.cat((place.expand(backbone.grid, -1, -1), place[:, None].expand(-1, backbone.grid, -1)), dim=-1)
    backbone.position_embedding[:, 1:, :seen] = 0
    backbone.position_embedding[:, 1:, seen:] = grid.flatten(0, 1)
    for scale in (module for module in backbone.modules() if isinstance(module, LayerScale)):
        nn.init.constant_(scale.gamma, _QUIET)
    for token in (aggregator.camera_token, aggregator.register_token):  # tell the first frame from the others
        nn.init.normal_(token, std=_TOLD_APART, generator=generator)
    spread = torch.arange(1, _LOW + 1) ** -0.5 / _LOW**0.5
    for blocks, share in ((aggregator.frame_blocks, _WITHIN), (aggregator.global_blocks, 1.0)):
        for block in blocks:
            block.get_parameter("attn.qkv.weight")[2 * dim :] += share * torch.eye(dim)
            block.get_parameter("attn.proj.weight").add_(share * torch.eye(dim))
    for block in aggregator.global_blocks:
        weight, bias = block.get_parameter("attn.qkv.weight"), block.get_parameter("attn.qkv.bias")
        reads = torch.zeros(dim, dim)
        reads[:, :_LOW] = torch.randn(dim, _LOW, generator=generator) * spread
        weight[: 2 * dim] = reads.repeat(2, 1)
        bias[: 2 * dim] = torch.randn(dim, generator=generator).repeat(2)
        for name in ("attn.q_norm.weight", "attn.k_norm.weight"):
            block.get_parameter(name).fill_(_CHOOSY)


def _frequencies(patch: int) -> Tensor:
    """Cosines over a patch in luminance and two colors, low ones first: (3 * patch**2, 3, patch, patch).

    Random filters see little but a patch's color: pictures have less of a frequency the higher it is (Field 1987). So
    each is made stronger by as much; a network from nothing then sees edges from its first step on (Coates and Ng 2011
    on whitening). Of every two filters one is luminance, which has most of what there is to see.
    """
    places = torch.arange(patch) + 0.5
    waves = torch.cos(torch.pi / patch * torch.arange(patch)[:, None] * places)
    waves = waves / waves.norm(dim=1, keepdim=True)
    across, down = torch.meshgrid(torch.arange(patch), torch.arange(patch), indexing="xy")
    height = (across**2 + down**2).double().sqrt().flatten()
    order = height.argsort(stable=True)
    planes = waves[down.flatten()[order], :, None] * waves[across.flatten()[order], None, :]
    planes = planes * (height[order].clamp_min(0.5).float() / (0.25 * patch))[:, None, None]
    colors = torch.tensor([[1.0, 1.0, 1.0], [1.0, 0.0, -1.0], [1.0, -2.0, 1.0]])
    colors = colors / colors.norm(dim=1, keepdim=True) * torch.tensor([[1.0], [_COLOR_GAIN], [_COLOR_GAIN]])
    filters = colors[:, None, :, None, None] * planes[None, :, None]  # (color, frequency, 3, patch, patch)
    count = len(planes)
    rank = torch.stack([2 * torch.arange(count), 4 * torch.arange(count) + 1, 4 * torch.arange(count) + 3])
    ordered: Tensor = filters.flatten(0, 1)[rank.flatten().argsort(stable=True)]
    return ordered


def _truncated(tensor: Tensor, std: float, generator: torch.Generator) -> None:
    nn.init.trunc_normal_(tensor, std=std, a=-2 * std, b=2 * std, generator=generator)
