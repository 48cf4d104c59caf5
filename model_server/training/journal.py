"""What a run says of itself: a line of JSON now and then, the same as curves for TensorBoard, and a bar."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

_LOG, _CURVES = "log.jsonl", "tensorboard"


class Journal:
    """Of the process that writes; see `journal`."""

    def __init__(self, folder: Path, steps: int, done: int) -> None:
        """
        Args:
            folder: of the run.
            steps: of the whole run.
            done: steps that were made before; what the log says of later ones is forgotten.
        """
        from torch.utils.tensorboard import SummaryWriter  # loads for seconds

        self._log = folder / _LOG
        if self._log.exists():
            lines = self._log.read_text(encoding="utf-8").splitlines()
            kept = [line for line in lines if json.loads(line)["step"] <= done]
            self._log.write_text("".join(f"{line}\n" for line in kept), encoding="utf-8")
        self._curves = SummaryWriter(str(folder / _CURVES), purge_step=done + 1)
        columns = BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TimeRemainingColumn()
        self._bar = Progress(*columns, TextColumn("{task.description}"), console=Console(stderr=True))
        self._task = self._bar.add_task("", total=steps, completed=done)

    def __enter__(self) -> "Journal":
        self._bar.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._bar.stop()
        self._curves.close()

    def write(self, step: int, kind: str, figures: Mapping[str, float]) -> None:
        """Note figures, which are of `kind` "train" or "validation", after so many steps."""
        with self._log.open("a", encoding="utf-8") as log:
            log.write(json.dumps({"step": step, "kind": kind, **figures}) + "\n")
        for name, value in figures.items():
            self._curves.add_scalar(f"{kind}/{name}", value, step)
        if kind == "validation":
            said = ", ".join(f"{name} {value:.4g}" for name, value in figures.items())
            self._bar.console.print(f"step {step}: {said}", highlight=False, soft_wrap=True)

    def show(self, step: int, said: str) -> None:
        """Move the bar."""
        self._bar.update(self._task, completed=step, description=said)


@contextmanager
def journal(folder: Path, steps: int, done: int, writes: bool) -> Iterator[Journal | None]:
    """The journal, or None in a process that does not write."""
    if not writes:
        yield None
        return
    folder.mkdir(parents=True, exist_ok=True)
    with Journal(folder, steps, done) as book:
        yield book
