"""`page4d-server evaluate`: how good weights are on a published dataset."""

from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from model_server.clear_exit import clear_exit
from model_server.engines.page4d.weights.libraries import LibrariesMissing, require_libraries
from model_server.errors import BadInput
from model_server.scoring.rules import PROTOCOLS, EvaluationRules, ProtocolName, Task

if TYPE_CHECKING:
    from model_server.scoring.drawings import Drawing
    from model_server.scoring.evaluate import Scores, SequenceScore
    from model_server.scoring.predictor import Predictor
    from model_server.training.readers.reader import FootageReader

_LIBRARIES = ("evo", "matplotlib")
_JSON = "scores.json"
_WIDEST = 1000  # columns


def evaluate(
    task: Annotated[str, typer.Option(help=f"What to score: {', '.join(Task)}.")],
    dataset: Annotated[str, typer.Option(help="sintel, tum, bonn, dycheck, kitti, davis or synthetic.")],
    root: Annotated[Path | None, typer.Option(help="The folder of the dataset; synthetic needs none.")] = None,
    protocol: Annotated[str, typer.Option(help="paper: as published; corrected: as it should be.")] = "corrected",
    weights: Annotated[str | None, typer.Option(help="Installed weights by name, or a safetensors file.")] = None,
    out: Annotated[Path | None, typer.Option(help="A folder for scores.json and pictures.")] = None,
    sequences: Annotated[str | None, typer.Option(help="A,B: these only.")] = None,
) -> None:
    """Score weights of the network on a dataset; docs/SCORING.md says what the two protocols do."""
    with clear_exit():
        asked = _task(task)
        rules = PROTOCOLS[_protocol(protocol)]
        _require_libraries()

        from model_server.scoring.datasets import open_dataset  # torch, only where it is needed
        from model_server.scoring.open_weights import open_weights

        reader = open_dataset(dataset, root, asked)
        predictor = open_weights(weights, with_points=asked is Task.POINTS)
        if out is not None:
            _make_folder(out)
        _show(_evaluate(asked, reader, predictor, rules, _names(sequences), out), out)


def _evaluate(
    task: Task,
    reader: "FootageReader",
    predictor: "Predictor",
    rules: EvaluationRules,
    sequences: tuple[str, ...] | None,
    out: Path | None,
) -> "Scores":
    from model_server.scoring.datasets import chosen_sequences
    from model_server.scoring.draw import draw
    from model_server.scoring.evaluate import evaluate as evaluate_all
    from model_server.scoring.report import write_json

    total = len(chosen_sequences(reader, task, rules, sequences))
    columns = BarColumn(), MofNCompleteColumn(), TimeElapsedColumn()
    bars = Progress(TextColumn("{task.description}"), *columns, console=Console(stderr=True))
    with bars:
        bar = bars.add_task(f"{task} on {reader.name}", total=total)

        def seen(score: "SequenceScore", drawing: "Drawing | None") -> None:
            bars.advance(bar)
            if out is not None and drawing is not None:
                draw(drawing, score.name, out / f"{score.name.replace('/', '_')}.png")

        scores = evaluate_all(task, reader, predictor, rules, sequences, seen)
    if out is not None:
        write_json(scores, out / _JSON)
    return scores


def _show(scores: "Scores", out: Path | None) -> None:
    from model_server.scoring.report import failure_lines, score_table

    console, table = Console(), score_table(scores)
    # Figures are of no use cut off: where the screen is narrow, its lines break instead.
    console.width = max(console.width, console.measure(table, options=console.options.update(width=_WIDEST)).maximum)
    console.print(table)
    for line in failure_lines(scores):
        console.print(line, soft_wrap=True, highlight=False, markup=False)
    if out is not None:
        console.print(f"{out / _JSON}", soft_wrap=True, highlight=False)
    if not scores.scored:
        raise BadInput(f"no sequence of {scores.dataset} could be scored", hint="see above what each of them lacks")


def _make_folder(out: Path) -> None:
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BadInput(f"the folder '{out}' can't be made: {error.strerror}", hint="give another with --out") from error


def _task(name: str) -> Task:
    if name not in set(Task):
        raise BadInput(f"there is no task '{name}'", hint=f"take one of {', '.join(Task)}")
    return Task(name)


def _protocol(name: str) -> ProtocolName:
    if name not in set(ProtocolName):
        raise BadInput(f"there is no protocol '{name}'", hint=f"take one of {', '.join(ProtocolName)}")
    return ProtocolName(name)


def _names(sequences: str | None) -> tuple[str, ...] | None:
    return None if sequences is None else tuple(name.strip() for name in sequences.split(",") if name.strip())


def _require_libraries() -> None:
    require_libraries()
    missing = [name for name in _LIBRARIES if find_spec(name) is None]
    if missing:
        raise LibrariesMissing(
            f"scoring needs {', '.join(missing)}, not installed in this Python",
            hint='run in the folder of Page4D: python -m pip install ".[server,network,training]"',
        )
