"""The engines of the network, with the weights that are installed here and those that came with the server."""

from functools import partial

from model_server.engines.engine import WeightsFacts
from model_server.engines.page4d.choose import weights_to_run
from model_server.engines.page4d.engine import Eye, Page4DEngine
from model_server.engines.page4d.mini_engine import MiniEngine
from model_server.engines.page4d.weights.installed import InstalledWeights, WeightsMissing
from model_server.engines.page4d.weights.libraries import require_libraries
from model_server.engines.page4d.weights.shipped import shipped_weights
from model_server.geometry.shot import Array


def installed_engine() -> Page4DEngine:
    """Page4D with the chosen weights; they are loaded when a shot's turn comes.

    Raises:
        WeightsMissing: none are installed.
        LibrariesMissing: PyTorch is not installed.
        BadInput: PAGE4D_WEIGHTS or PAGE4D_LONG_SIDE make no sense.
    """
    weights = weights_to_run()
    return Page4DEngine(_facts(weights), partial(_open_eye, weights))


def mini_engine() -> MiniEngine:
    """The small network with the weights that came with the server.

    Raises:
        WeightsMissing: this server came without them.
        LibrariesMissing: PyTorch is not installed.
    """
    weights = shipped_weights()
    if weights is None:
        raise WeightsMissing("this server came without weights for page4d-mini", hint="use the engine classical")
    require_libraries()
    return MiniEngine(_facts(weights), partial(_open_mini, weights))


def _facts(weights: InstalledWeights) -> WeightsFacts:
    return WeightsFacts(weights.name, weights.sha256, weights.license)


def _open_eye(weights: InstalledWeights, images: Array) -> Eye:
    from model_server.engines.page4d.network_eye import open_network  # torch, only where it is needed

    return open_network(weights, images)


def _open_mini(weights: InstalledWeights, images: Array) -> Eye:
    from model_server.engines.page4d.network_eye import open_mini

    return open_mini(weights, images)
