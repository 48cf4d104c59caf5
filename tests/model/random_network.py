"""Networks with random weights that give reasonable numbers; they exist in tests and benchmarks alone."""

import torch

from model_server.engines.page4d.network.config import ModelConfig
from model_server.engines.page4d.network.network import Head, Page4DNetwork
from model_server.engines.page4d.network.precision import stored_dtype


def random_network(
    config: ModelConfig, storage: torch.dtype = torch.float32, heads: tuple[Head, ...] = tuple(Head), seed: int = 0
) -> Page4DNetwork:
    """Matrices keep variances, norms and biases are a little off, no part is without effect."""
    with torch.device("meta"):
        network = Page4DNetwork(config, heads).eval()
    generator = torch.Generator().manual_seed(seed)
    for name, parameter in list(network.named_parameters()):
        module, _, leaf = name.rpartition(".")
        values = torch.empty(parameter.shape)
        values.uniform_(-1.7, 1.7, generator=generator)  # variance 1
        if parameter.dim() > 1 and leaf == "weight":
            values /= parameter[0].numel() ** 0.5
        elif leaf in ("weight", "gamma"):
            values.mul_(0.1).add_(1.0 if leaf == "weight" else 0.2)
        else:
            values *= 0.1
        stored = values.to(stored_dtype(name, values.dim(), storage))
        setattr(network.get_submodule(module), leaf, torch.nn.Parameter(stored, requires_grad=False))
    return network
