"""Whether the network can run here, with which weights, and what to do where it can not. Needs no torch."""

from dataclasses import dataclass

from model_server.engines.page4d.weights.installed import InstalledWeights, chosen_weights
from model_server.engines.page4d.weights.libraries import LibrariesMissing, require_libraries
from model_server.engines.page4d.weights.shipped import shipped_weights
from model_server.errors import BadInput

_NO_MASK_HEAD = "these weights have no mask: it is off, and motion comes from geometry alone"
_MASK_OFF = "the mask is off: motion comes from geometry alone"


@dataclass(frozen=True)
class NetworkState:
    """What an engine with the network has to run with."""

    weights: InstalledWeights | None
    note: str  # what is missing and how to get it, or what these weights can not do; empty where all is well
    can_run: bool


def network_state() -> NetworkState:
    """What is here; never raises."""
    try:
        weights = weights_to_run()
    except LibrariesMissing as error:
        return NetworkState(chosen_weights(), _said(error), can_run=False)
    except BadInput as error:  # no weights, or PAGE4D_WEIGHTS names nothing that is known
        return NetworkState(None, _said(error), can_run=False)
    note = "" if weights.mask_strength else _MASK_OFF if weights.has_mask_head else _NO_MASK_HEAD
    return NetworkState(weights, note, can_run=True)


def mini_state() -> NetworkState | None:
    """The same for the weights that come with the server; None where it has none."""
    weights = shipped_weights()
    if weights is None:
        return None
    try:
        require_libraries()
    except LibrariesMissing as error:
        return NetworkState(weights, _said(error), can_run=False)
    return NetworkState(weights, "", can_run=True)


def weights_to_run() -> InstalledWeights:
    """The weights that a run takes.

    Raises:
        WeightsMissing: none are installed; the hint is the command that installs them.
        LibrariesMissing: PyTorch is not installed; the hint is the command that installs it.
        BadInput: PAGE4D_WEIGHTS names no known weights.
    """
    weights = chosen_weights()
    require_libraries()
    return weights


def _said(error: BadInput) -> str:
    return f"{error.message}; {error.hint}"
