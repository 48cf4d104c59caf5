"""Engines by name. An engine turns a shot's images into geometry; a new one plugs in by `Engine`."""

from model_server.engines.classical.engine import ClassicalEngine
from model_server.engines.engine import Engine
from model_server.errors import BadInput

_ENGINES: dict[str, type[Engine]] = {"classical": ClassicalEngine}
_AUTO = "classical"


def engine_named(name: str) -> Engine:
    """The engine called `name`; "auto" is the best that this machine can run.

    Raises:
        BadInput: there is no such engine.
    """
    if name == "auto":
        name = _AUTO
    if name not in _ENGINES:
        names = ", ".join(["auto", *_ENGINES])
        raise BadInput(f'there is no engine called "{name}"', hint=f"use one of: {names}")
    return _ENGINES[name]()
