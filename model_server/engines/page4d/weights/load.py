"""From an installed file into the network, with no more memory than the network keeps."""

from collections.abc import Collection
from dataclasses import replace

import torch
from safetensors import safe_open

from model_server.engines.page4d.network.config import ModelConfig
from model_server.engines.page4d.network.names import by_our_names
from model_server.engines.page4d.network.network import Head, Page4DNetwork
from model_server.engines.page4d.network.precision import stored_dtype
from model_server.engines.page4d.weights.installed import InstalledWeights
from model_server.engines.page4d.weights.layout import Shape, WrongWeights

_CPU = torch.device("cpu")


def load_network(
    config: ModelConfig,
    weights: InstalledWeights,
    heads: Collection[Head] = (Head.CAMERA, Head.DEPTH),
    storage: torch.dtype = torch.float32,
    device: torch.device = _CPU,
    tracks: bool = False,
) -> Page4DNetwork:
    """A network that is ready to run, with only the parts that are asked for and that the weights have.

    Args:
        config: what the weights were checked against, all parts included.
        storage: what matrices and kernels are kept in. In float32 on the CPU they stay in the file, memory-mapped.
        tracks: whether to load the track head, where the weights have one.

    Raises:
        WrongWeights: the file no longer is what was installed.
    """
    config = replace(
        config,
        mask=config.mask if weights.has_mask_head else None,
        track=config.track if tracks and weights.has_track_head else None,
    )
    with torch.device("meta"):  # no memory, no random numbers
        network = Page4DNetwork(config, heads)
    load_into(network, weights, storage, device)
    return network.eval()


def load_into(
    network: torch.nn.Module,
    weights: InstalledWeights,
    storage: torch.dtype = torch.float32,
    device: torch.device = _CPU,
) -> None:
    """Fill every parameter of `network`, which lies on the meta device, and nothing else of the file.

    At most one tensor at a time is in memory besides what the network keeps.

    Raises:
        WrongWeights: a tensor is missing or of another shape.
    """
    mapped = storage is torch.float32 and device.type == "cpu"
    state = {}
    # A mapped file counts as this process's memory as far as it was read; "pread" leaves nothing behind.
    with safe_open(weights.path, framework="pt", backend="mmap" if mapped else "pread") as file:
        theirs = by_our_names(file.keys())
        for name, parameter in network.named_parameters():
            shape = tuple(file.get_slice(theirs[name]).get_shape()) if name in theirs else None
            if shape != tuple(parameter.shape):
                raise WrongWeights(
                    f"{weights.path.name} holds {name} as {shape}, not {tuple(parameter.shape)}",
                    hint=f"run: page4d-server weights check {weights.name}",
                )
            state[name] = file.get_tensor(theirs[name]).to(device, stored_dtype(name, parameter.dim(), storage))
    network.load_state_dict(state, strict=True, assign=True)
    network.requires_grad_(False)


def expected_shapes(config: ModelConfig, heads: Collection[Head] = tuple(Head)) -> dict[str, Shape]:
    """Shapes of the network with these heads by our names; no memory is taken."""
    with torch.device("meta"):
        network = Page4DNetwork(config, heads)
    return {name: tuple(tensor.shape) for name, tensor in network.state_dict().items()}
