"""A network from a safetensors file alone: which size it is, and which heads it has, the file says."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from model_server.engines.page4d.network.config import ModelConfig
from model_server.engines.page4d.network.names import our_name
from model_server.engines.page4d.network.network import Head, Page4DNetwork
from model_server.engines.page4d.weights.layout import MASK_HEAD, TRACK_HEAD, WrongWeights

_POSITIONS = "backbone.position_embedding"
_HEADS = {Head.CAMERA: "camera_head.", Head.DEPTH: "depth_head.", Head.POINTS: "points_head."}
_NEEDED = (Head.CAMERA, Head.DEPTH)


@dataclass(frozen=True)
class Size:
    """A network that we know, and the pictures it has learned on."""

    config: ModelConfig
    long_side: int  # pixels


SIZES = (Size(ModelConfig.released(), 518), Size(ModelConfig.mini(), 112), Size(ModelConfig.tiny(), 70))


@dataclass(frozen=True)
class FileNetwork:
    """Ready to run on its device, in float32."""

    network: Page4DNetwork
    long_side: int  # pixels
    strength: float  # of the mask: what the training's record in the file says; 0 where there is no mask


def network_of_file(path: Path, device: torch.device | None = None) -> FileNetwork:
    """Load a file under our names, as training writes it, or under published ones; the track head is left out.

    Raises:
        WrongWeights: it is no safetensors file, of no size that we know, or a tensor is missing or of another shape.
    """
    tensors, recorded = _read(path)
    if not any(name.startswith("backbone.") for name in tensors):
        tensors = {our_name(name): tensor for name, tensor in tensors.items()}
    size = _size(path, tensors)
    heads = tuple(head for head, begins in _HEADS.items() if any(name.startswith(begins) for name in tensors))
    for head in _NEEDED:
        if head not in heads:
            raise WrongWeights(f"{path} has no weights for {head}", hint="give weights of a whole network")
    mask = size.config.mask if any(name.startswith(MASK_HEAD) for name in tensors) else None
    with torch.device("meta"):
        network = Page4DNetwork(replace(size.config, mask=mask, track=None), heads)
    _fill(network, tensors, path)
    strength = 0.0 if mask is None else mask.strength if recorded is None else recorded
    return FileNetwork(network.to(device or "cpu").eval(), size.long_side, strength)


def _read(path: Path) -> tuple[dict[str, Tensor], float | None]:
    """All tensors in float32, and the mask's strength in training's record."""
    try:
        with safe_open(path, framework="pt") as file:
            names = [name for name in file.keys() if not name.startswith(TRACK_HEAD)]  # noqa: SIM118 (it is no dict)
            tensors = {name: file.get_tensor(name).float() for name in names}
            record = (file.metadata() or {}).get("page4d_training")
        return tensors, None if record is None else float(json.loads(record)["alpha"])
    except (SafetensorError, OSError, ValueError, LookupError, TypeError) as error:
        raise WrongWeights(f"{path} can't be read as weights: {error}", hint="give a safetensors file") from error


def _size(path: Path, tensors: Mapping[str, Tensor]) -> Size:
    shape = tuple(tensors[_POSITIONS].shape) if _POSITIONS in tensors else None
    for size in SIZES:
        backbone = size.config.backbone
        if shape == (1, backbone.grid**2 + 1, backbone.dim):
            return size
    raise WrongWeights(f"{path} holds {_POSITIONS} as {shape}, of no network that is known here")


def _fill(network: Page4DNetwork, tensors: Mapping[str, Tensor], path: Path) -> None:
    state = {}
    for name, parameter in network.named_parameters():
        shape = tuple(tensors[name].shape) if name in tensors else None
        if shape != tuple(parameter.shape):
            raise WrongWeights(f"{path} holds {name} as {shape}, not {tuple(parameter.shape)}")
        state[name] = tensors[name]
    network.load_state_dict(state, strict=True, assign=True)
    network.requires_grad_(False)
