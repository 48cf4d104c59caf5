"""The datasets that can be scored on, and what each of them has the truth for."""

from collections.abc import Mapping
from pathlib import Path

from model_server.errors import BadInput
from model_server.scoring.rules import EvaluationRules, Task
from model_server.scoring.synthetic_reader import SyntheticReader
from model_server.training.readers import reader_named
from model_server.training.readers.reader import FootageReader

SYNTHETIC = "synthetic"
_DEPTH = (Task.VIDEO_DEPTH, Task.MONO_DEPTH)
_CAMERAS = (Task.POSE, *_DEPTH, Task.POINTS)
DATASETS: Mapping[str, tuple[Task, ...]] = {
    "sintel": (*_CAMERAS, Task.MOTION),
    "tum": _CAMERAS,
    "bonn": _CAMERAS,
    "dycheck": _CAMERAS,
    "kitti": _DEPTH,
    "davis": (Task.MOTION,),
    SYNTHETIC: (*_CAMERAS, Task.MOTION),
}


def open_dataset(name: str, root: Path | None, task: Task) -> FootageReader:
    """The dataset, ready to be scored on.

    Args:
        root: where it lies; see docs/DATASETS.md. `synthetic` needs none: it is drawn.

    Raises:
        BadInput: no such dataset, none at the root, or it has no truth for the task.
    """
    if name not in DATASETS:
        raise BadInput(f"'{name}' can't be scored on", hint=f"take one of {', '.join(DATASETS)}")
    if task not in DATASETS[name]:
        able = ", ".join(dataset for dataset, tasks in DATASETS.items() if task in tasks)
        raise BadInput(f"{name} has no truth for {task}", hint=f"{task} is scored on {able}")
    if name == SYNTHETIC:
        return SyntheticReader()
    if root is None:
        raise BadInput(f"{name} has to be read from somewhere", hint="give its folder with --root")
    return reader_named(name, root)


def chosen_sequences(
    reader: FootageReader, task: Task, rules: EvaluationRules, asked: tuple[str, ...] | None
) -> list[str]:
    """Names of the sequences to score; some of the protocol's own may not be there.

    Args:
        asked: these instead of the protocol's.

    Raises:
        BadInput: one that is asked for is not there.
    """
    there = [sequence.name for sequence in reader.sequences]
    if asked is None:
        taken = rules.of(task, reader.name)
        return [name for name in taken.sequences or there if name not in taken.skipped]
    for name in asked:
        if name not in there:
            raise BadInput(f"{reader.name} has no sequence '{name}' there", hint=f"it has {', '.join(there)}")
    return list(asked)
