"""A network from a safetensors file alone: which size it is, and which heads it has, the file says."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open

from model_server.engines.page4d.network.config import ModelConfig
from model_server.engines.page4d.network.names import by_our_names
from model_server.engines.page4d.network.network import Head, Page4DNetwork
from model_server.engines.page4d.weights.layout import MASK_HEAD, WrongWeights
from model_server.training.initial_weights import load_weights

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
    shapes, recorded = _described(path)
    size = _size(path, shapes)
    heads = tuple(head for head, begins in _HEADS.items() if any(name.startswith(begins) for name in shapes))
    for head in _NEEDED:
        if head not in heads:
            raise WrongWeights(f"{path} has no weights for {head}", hint="give weights of a whole network")
    mask = size.config.mask if any(name.startswith(MASK_HEAD) for name in shapes) else None
    network = Page4DNetwork(replace(size.config, mask=mask, track=None), heads).requires_grad_(False)
    load_weights(network, path)
    strength = 0.0 if mask is None else mask.strength if recorded is None else recorded
    return FileNetwork(network.to(device or "cpu").eval(), size.long_side, strength)


def _described(path: Path) -> tuple[dict[str, tuple[int, ...]], float | None]:
    """The shape of every tensor under our names, and the mask's strength in training's record."""
    try:
        with safe_open(path, framework="pt") as file:
            shapes = {name: tuple(file.get_slice(name).get_shape()) for name in file.keys()}  # noqa: SIM118 (no dict)
            record = (file.metadata() or {}).get("page4d_training")
        recorded = None if record is None else float(json.loads(record)["alpha"])
    except (SafetensorError, OSError, ValueError, LookupError, TypeError) as error:
        raise WrongWeights(f"{path} can't be read as weights: {error}", hint="give a safetensors file") from error
    return {ours: shapes[name] for ours, name in by_our_names(shapes).items()}, recorded


def _size(path: Path, shapes: Mapping[str, tuple[int, ...]]) -> Size:
    shape = shapes.get(_POSITIONS)
    for size in SIZES:
        backbone = size.config.backbone
        if shape == (1, backbone.grid**2 + 1, backbone.dim):
            return size
    raise WrongWeights(
        f"{path} holds {_POSITIONS} as {shape}, of no network that is known here",
        hint="give weights of VGGT, PAGE-4D or page4d-mini",
    )
