"""The command line: `page4d-server solve`, `serve`, `weights`, `train` and `evaluate`."""

import json
import logging
import os
import shutil
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import platformdirs
import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table

from model_server.api.address import DEFAULT_HOST, DEFAULT_PORT
from model_server.clear_exit import clear_exit
from model_server.errors import BadInput
from model_server.film_backs import FILM_BACKS
from model_server.report import SolveReport, report_of
from model_server.scoring_commands import evaluate
from model_server.settings import ModeChoice, SolveSettings
from model_server.solve_options import distortion_of, frame_range, known_lens, matte_folders
from model_server.training_commands import train
from model_server.weights_commands import app as weights

app = typer.Typer(
    help="Page4D's model server: footage in, a result package out.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.add_typer(weights, name="weights")
app.command()(train)
app.command()(evaluate)


def _listed(film_back: str | None) -> str | None:
    """For `--film-back list`: show the names and end; nothing else need be given then."""
    if film_back == "list":
        for back in FILM_BACKS:
            print(f"{back.name:<22}{back.width_mm:>6.2f} mm  {back.camera} ({back.source})")
        raise typer.Exit
    return film_back


@app.command()
def solve(
    footage: Annotated[Path, typer.Argument(help="A movie, a folder, or one frame of a numbered sequence.")],
    out: Annotated[Path, typer.Option(help="The package to write: a folder DIR.page4d.")],
    engine: Annotated[str, typer.Option(help="auto, page4d or classical.")] = "auto",
    frames: Annotated[str | None, typer.Option(help="A-B: the footage's own numbers, both included.")] = None,
    step: Annotated[int, typer.Option(help="Take every Nth frame.")] = 1,
    focal_mm: Annotated[float | None, typer.Option(help="Focal length, where it is known.")] = None,
    sensor_mm: Annotated[float | None, typer.Option(help="Width of the film back, with --focal-mm.")] = None,
    film_back: Annotated[
        str | None,
        typer.Option(help="Camera, in place of --sensor-mm; list shows all.", is_eager=True, callback=_listed),
    ] = None,
    distortion: Annotated[str, typer.Option(help="solve, none, or K1,K2,K3 where they are known.")] = "solve",
    mode: Annotated[ModeChoice, typer.Option(help="What the camera does.")] = ModeChoice.AUTO,
    smoothing: Annotated[float, typer.Option(help="0 to 1: a calmer camera; the report says what it costs.")] = 0.0,
    exclude: Annotated[Path | None, typer.Option(help="Mattes of what the solve leaves out: a folder.")] = None,
    matte: Annotated[list[str] | None, typer.Option(help="NAME=FOLDER: a thing and its mattes; repeatable.")] = None,
    invert_mattes: Annotated[bool, typer.Option("--invert-mattes", help="Black is the thing.")] = False,
    dilate_mattes: Annotated[int, typer.Option(help="Grow all mattes by so many footage pixels.")] = 0,
    shadows: Annotated[bool, typer.Option("--shadows", help="A layer of the shadows that move.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as one line of JSON.")] = False,
) -> None:
    """Solve FOOTAGE and write a result package. Cut off, the same command goes on where it stopped."""
    with clear_exit():
        settings = SolveSettings(
            engine=engine,
            frames=frame_range(frames, step),
            lens=known_lens(focal_mm, sensor_mm, film_back),
            mode=mode,
            distortion=distortion_of(distortion),
            smoothing=smoothing,
            shadows=shadows,
            mattes=matte_folders(exclude, matte or [], invert_mattes, dilate_mattes),
        )
        _solve(footage, settings, out)
        report = report_of(out)
        if as_json:
            print(json.dumps(asdict(report)))
        else:
            _print_report(report)


@app.command()
def serve(
    host: Annotated[str, typer.Option(help="The address to listen on.")] = DEFAULT_HOST,
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 takes a free one.")] = DEFAULT_PORT,
    data: Annotated[Path | None, typer.Option(help="Where jobs, footage, results and the token are kept.")] = None,
    max_file_gb: Annotated[float, typer.Option(min=0, help="The largest file that a client may send.")] = 64.0,
) -> None:
    """Take jobs over HTTP until stopped. Jobs that were cut off go on."""
    from model_server.api.serve import serve as run_server  # FastAPI only where it is needed
    from model_server.jobs.folders import DataFolder

    folder = DataFolder((data or platformdirs.user_data_path("page4d", appauthor=False)).absolute())

    def ready(address: str) -> None:
        print(f"Page4D listens on {address}", f"its token is in {folder.token}", sep="\n", flush=True)

    with clear_exit():
        logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(message)s")
        run_server(host, port, folder, int(max_file_gb * 1e9), ready)


def _solve(footage: Path, settings: SolveSettings, out: Path) -> None:
    os.environ.setdefault("GLOG_minloglevel", "2")  # COLMAP's own log would tear the progress bars; errors stay

    from model_server.jobs.lock import only_one  # OpenCV and COLMAP only where they are needed
    from model_server.pipeline.run import solve_clip

    work = out.with_name(f".{out.name}.work")
    columns = BarColumn(), TextColumn("{task.percentage:>3.0f} %"), TimeElapsedColumn()
    bars = Progress(TextColumn("{task.description:<8}"), *columns, console=Console(stderr=True))
    tasks: dict[str, TaskID] = {}

    def show(stage: str, fraction: float) -> None:
        if stage not in tasks:
            tasks[stage] = bars.add_task(stage, total=1.0)
        bars.update(tasks[stage], completed=fraction)

    try:
        with only_one(work), bars:
            solve_clip(footage, settings, work / "stages", out, show)
    except BadInput:
        shutil.rmtree(work, ignore_errors=True)  # there is nothing to go on from
        raise
    shutil.rmtree(work, ignore_errors=True)


def _print_report(report: SolveReport) -> None:
    table = Table(show_header=False, box=None)
    for name, value in report.rows():
        table.add_row(name, value)
    Console().print(table)
