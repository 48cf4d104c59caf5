"""`page4d-server train`: from a configuration to weights."""

from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer

from model_server.clear_exit import clear_exit
from model_server.engines.page4d.weights.libraries import LibrariesMissing, require_libraries

Config = Annotated[Path, typer.Argument(help="A TOML file; see model_server/training/configs.")]
Resume = Annotated[bool, typer.Option("--resume", help="Go on from the last checkpoint, where there is one.")]


def train(config: Config, resume: Resume = False) -> None:
    """Train the network as CONFIG says. SIGTERM ends it with a checkpoint; with --resume it goes on."""
    with clear_exit():
        _require_libraries()
        from model_server.training.config_file import read_config  # torch only where it is needed
        from model_server.training.trainer import train as run

        settings = read_config(config)
        outcome = run(settings, resume)
        if not outcome.speaks:
            return
        done = f"{outcome.progress.step} of {settings.train.steps} steps"
        if outcome.weights is None:
            print(f"stopped after {done}; the same command with --resume goes on")
        else:
            print(f"made {done}: {outcome.weights}")


def _require_libraries() -> None:
    require_libraries()
    if find_spec("tensorboard") is None:
        raise LibrariesMissing(
            "training needs tensorboard, not installed in this Python",
            hint='run in the folder of Page4D: python -m pip install ".[server,network,training]"',
        )
