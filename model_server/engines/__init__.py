"""Engines by name. An engine turns a shot's images into geometry; a new one plugs in by `Engine`."""

from model_server.engines.choose import best_engine, engine_names, require_engine
from model_server.engines.engine import Engine
from model_server.engines.page4d.weights.shipped import MINI

__all__ = ["engine_named", "engine_names"]


def engine_named(name: str) -> Engine:
    """The engine called `name`; "auto" is the best that this machine can run.

    Raises:
        BadInput: there is no such engine, or it lacks what it needs; the hint says how to get it.
    """
    require_engine(name)
    if name == "auto":
        name = best_engine()
    # Imported where it is used: who only asks which engines there are needs neither.
    if name == "page4d":
        from model_server.engines.page4d.installed_engine import installed_engine

        return installed_engine()
    if name == MINI:
        from model_server.engines.page4d.installed_engine import mini_engine

        return mini_engine()
    from model_server.engines.classical.engine import ClassicalEngine

    return ClassicalEngine()
