"""`page4d-server weights`: which weights there are, and how they get here."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn
from rich.table import Table

from model_server.clear_exit import clear_exit
from model_server.engines.page4d.weights.download import fetch, is_offline, offline_error
from model_server.engines.page4d.weights.install import check_installed, install_download, install_file
from model_server.engines.page4d.weights.installed import (
    InstalledWeights,
    WeightsMissing,
    install_hint,
    installed_weights,
    weights_folder,
)
from model_server.engines.page4d.weights.known import KNOWN, KnownWeights, known_weights
from model_server.engines.page4d.weights.layout import Shape
from model_server.engines.page4d.weights.libraries import require_libraries
from model_server.engines.page4d.weights.shipped import MINI, MINI_ABOUT, shipped_weights
from model_server.engines.page4d.weights.stored import Bytes, Step
from model_server.errors import BadInput
from model_server.jobs.lock import only_one

app = typer.Typer(help="Weights of the network PAGE-4D: list, download, check.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(help=f"One of: {', '.join(known.name for known in KNOWN)}.")]


@app.command("list")
def list_weights() -> None:
    """Show the weights that can be installed, and which are."""
    with clear_exit():
        here, mini = {weights.name for weights in installed_weights()}, shipped_weights()
        table = Table("name", "installed", "license", "what", box=None)
        if mini is not None:
            table.add_row(mini.name, "yes", mini.license, MINI_ABOUT)
        for known in KNOWN:
            table.add_row(known.name, "yes" if known.name in here else "no", known.license.name, known.about)
        console = Console()
        console.print(table)
        console.print(f"in {weights_folder()}", soft_wrap=True)


@app.command()
def download(
    name: Name,
    accept_license: Annotated[bool, typer.Option("--accept-license", help="You have read and accept it.")] = False,
    file: Annotated[Path | None, typer.Option(help="Install from this copy; nothing is downloaded.")] = None,
    offline: Annotated[bool, typer.Option("--offline", help="Never touch the network.")] = False,
    keep: Annotated[bool, typer.Option("--keep", help="Keep the downloaded file after it was converted.")] = False,
    again: Annotated[bool, typer.Option("--again", help="Install even where it is installed.")] = False,
) -> None:
    """Install weights from the Hugging Face hub, or from a copy. Cut off, the same command goes on."""
    with clear_exit():
        there = _installed(name)
        if there is not None and (name == MINI or not again):
            _show(there)
            return
        known = known_weights(name)
        require_libraries()
        if file is None and (offline or is_offline()):
            raise offline_error(known)
        if file is not None and not file.is_file():
            raise BadInput(f"there is no file {file}", hint=f"give the path of a copy of {known.file}")
        _accept(known, accept_license)
        folder = weights_folder()
        with only_one(folder), _bars() as step:
            if file is not None:
                weights = install_file(known, file, _released_shapes(), folder, step)
            else:
                fetched = fetch(known, folder / "downloads", step)
                weights = install_download(known, fetched, _released_shapes(), folder, step)
                if not keep:
                    fetched.path.unlink(missing_ok=True)
                    with suppress(OSError):  # others may lie there
                        fetched.path.parent.rmdir()
        _show(weights)


@app.command()
def check(name: Name) -> None:
    """See that installed weights are still what was installed, and fit the network."""
    with clear_exit():
        weights = _installed(name)
        if weights is None:
            known_weights(name)
            raise WeightsMissing(f"the weights {name} are not installed, or not whole", hint=install_hint(name))
        require_libraries()
        with _bars() as step:
            shapes, dtype = (_mini_shapes(), "F16") if name == MINI else (_released_shapes(), "F32")
            layout = check_installed(weights, shapes, step, dtype)
        _show(weights, f"{len(layout.names)}, all of them as the network wants them")


def _released_shapes() -> dict[str, Shape]:
    from model_server.engines.page4d.network.config import ModelConfig
    from model_server.engines.page4d.weights.load import expected_shapes  # torch only where it is needed

    return expected_shapes(ModelConfig.released())


def _mini_shapes() -> dict[str, Shape]:
    from model_server.engines.page4d.network.config import ModelConfig
    from model_server.engines.page4d.network.network import Head
    from model_server.engines.page4d.weights.load import expected_shapes

    return expected_shapes(ModelConfig.mini(), (Head.CAMERA, Head.DEPTH))


def _installed(name: str) -> InstalledWeights | None:
    if name == MINI:
        return shipped_weights()
    return next((weights for weights in installed_weights() if weights.name == name), None)


def _accept(known: KnownWeights, accepted: bool) -> None:
    console = Console(stderr=True)
    console.print(f"{known.name}: {known.license.name}", style="bold", highlight=False)
    console.print(known.license.terms, highlight=False)
    if accepted or (sys.stdin.isatty() and typer.confirm("Do you accept this?", err=True)):
        return
    raise BadInput(
        f"the license of {known.name} has to be accepted first", hint="read what is above, then add --accept-license"
    )


@contextmanager
def _bars() -> Iterator[Step]:
    columns = BarColumn(), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn()
    bars = Progress(TextColumn("{task.description}"), *columns, console=Console(stderr=True))

    def step(what: str, total: int) -> Bytes:
        task = bars.add_task(what, total=total)
        return lambda count: bars.advance(task, count)

    with bars:
        yield step


def _show(weights: InstalledWeights, tensors: str = "") -> None:
    mask = f"on, alpha {weights.mask_strength:g}" if weights.mask_strength else "off"
    points = ["points"] * (weights.name != MINI)
    heads = ["camera", "depth", *points] + ["tracks"] * weights.has_track_head + ["mask"] * weights.has_mask_head
    table = Table("", "", show_header=False, box=None)
    table.columns[1].overflow = "fold"  # paths and checksums are of use whole
    rows = {
        "weights": weights.name,
        "file": str(weights.path),
        "size": f"{weights.bytes / 1e6:,.0f} MB",
        "sha256 as published": weights.sha256,
        "sha256 as installed": weights.installed_sha256,
        "tensors": tensors,
        "heads": ", ".join(heads),
        "mask": mask,
        "license": weights.license,
    }
    for row, value in rows.items():
        if value:
            table.add_row(row, value)
    Console().print(table)
