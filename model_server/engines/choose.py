"""Which engines there are, what each has to run with, and which is best here. Loads none of them."""

from dataclasses import dataclass

from model_server.engines.page4d.choose import NetworkState, mini_state, network_state, weights_to_run
from model_server.engines.page4d.weights.libraries import require_libraries
from model_server.engines.page4d.weights.shipped import MINI, shipped_weights
from model_server.errors import BadInput


@dataclass(frozen=True)
class EngineState:
    """What an engine has to run with."""

    name: str
    weights: str | None  # None where it needs none, or has none
    license: str | None  # of the weights
    ready: bool  # whether it can run here
    note: str  # what is missing and how to get it; empty where all is well


def engine_names() -> tuple[str, ...]:
    """The engines that this server has, the best first; page4d-mini where its weights came with it."""
    return ("page4d", "classical", MINI) if shipped_weights() else ("page4d", "classical")


def best_engine() -> str:
    """What "auto" means on this machine: page4d where weights and torch are here. Downloads nothing."""
    return "page4d" if network_state().can_run else "classical"


def engine_states() -> tuple[EngineState, ...]:
    """All engines, those that can't run here as well."""
    mini = mini_state()
    page4d, classical = _network("page4d", network_state()), EngineState("classical", None, None, ready=True, note="")
    return (page4d, classical) if mini is None else (page4d, classical, _network(MINI, mini))


def _network(name: str, network: NetworkState) -> EngineState:
    weights = network.weights
    if weights is None:
        return EngineState(name, None, None, network.can_run, network.note)
    return EngineState(name, weights.name, weights.license, network.can_run, network.note)


def require_engine(name: str) -> None:
    """Check that an engine can run here; "auto" always can.

    Raises:
        BadInput: there is no such engine, or it lacks what it needs; the hint says how to get it.
    """
    names = ("auto", *engine_names())
    if name not in names:
        raise BadInput(f'there is no engine called "{name}"', hint=f"use one of: {', '.join(names)}")
    if name == "page4d":
        weights_to_run()
    if name == MINI:
        require_libraries()
