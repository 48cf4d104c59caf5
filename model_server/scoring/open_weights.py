"""From what a person calls weights to something that can be scored."""

from pathlib import Path

import torch

from model_server.engines.page4d.network.config import ModelConfig
from model_server.engines.page4d.network.network import Head
from model_server.engines.page4d.network.precision import Precision
from model_server.engines.page4d.weights.installed import InstalledWeights, chosen_weights, installed_weights
from model_server.engines.page4d.weights.known import KNOWN
from model_server.engines.page4d.weights.load import load_network
from model_server.engines.page4d.weights.shipped import MINI, shipped_weights
from model_server.errors import BadInput
from model_server.scoring.network_file import network_of_file
from model_server.scoring.network_predictor import NetworkPredictor

_SUFFIX = ".safetensors"
_LONG_SIDE = 518  # of the published networks


def open_weights(weights: str | None, with_points: bool) -> NetworkPredictor:
    """The network with weights that are installed, or with those of a file, on a GPU where there is one.

    Weights are kept in float32. On a GPU the transformer computes in half precision, as published; not on a CPU.

    Args:
        weights: a name that `page4d-server weights list` shows as there, or the path of a safetensors file.
            None: those that a solve would take.

    Raises:
        WeightsMissing: none are installed.
        WrongWeights: the file is not a network's.
        BadInput: there is neither such a name nor such a file.
    """
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    precision = Precision.best_for(device) if device.type == "cuda" else Precision.full()
    mini = shipped_weights() if weights == MINI else None
    path = mini.path if mini is not None else None if weights is None else Path(weights)
    if path is not None and path.suffix == _SUFFIX and path.is_file():
        found = network_of_file(path, device)
        return NetworkPredictor(path.stem, found.network, found.long_side, found.strength, precision, with_points)
    installed = chosen_weights() if weights is None else _named(weights)
    heads = (Head.CAMERA, Head.DEPTH, Head.POINTS) if with_points else (Head.CAMERA, Head.DEPTH)
    network = load_network(ModelConfig.released(), installed, heads, torch.float32, device)
    return NetworkPredictor(installed.name, network, _LONG_SIDE, installed.mask_strength, precision, with_points)


def _named(weights: str) -> InstalledWeights:
    for installed in installed_weights():
        if installed.name == weights:
            return installed
    names = ", ".join(known.name for known in KNOWN)
    raise BadInput(
        f"there are neither installed weights nor a {_SUFFIX} file '{weights}'",
        hint=f"give a file, or install one of {names}: page4d-server weights download NAME",
    )
