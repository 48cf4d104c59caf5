"""One place that gives every stage its seed, its progress and its checkpoint."""

import random
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import cv2
import numpy as np

from model_server.geometry.shot import Progress
from model_server.pipeline.checkpoint import Checkpoints

Report = Callable[[str, float], None]  # stage, the share of it that is done
T = TypeVar("T")


class Staged:
    """Runs the work of stages in order, and notes how long each took in whichever run did it."""

    def __init__(self, checkpoints: Checkpoints, report: Report) -> None:
        self._checkpoints, self._report = checkpoints, report
        self._seconds: dict[str, float] = {}

    def result(
        self,
        stage: str,
        name: str,
        kind: type[T],
        work: Callable[[Path, Progress], T],
        share: tuple[float, float] = (0.0, 1.0),
    ) -> T:
        """The result `name` of `stage`, worked out or read from its checkpoint.

        Args:
            work: gets a folder for arrays (see `Checkpoints.result`) and where to report progress.
            share: which part of the stage this is.
        """
        progress = self.progress(stage, share)
        progress(0.0)
        seed()
        result = self._checkpoints.result(name, kind, lambda folder: work(folder, progress))
        self._seconds[stage] = self._seconds.get(stage, 0.0) + self._checkpoints.seconds(name)
        progress(1.0)
        return result

    def progress(self, stage: str, share: tuple[float, float] = (0.0, 1.0)) -> Progress:
        """Where work that is this part of the stage reports to."""
        first, last = share
        return lambda done: self._report(stage, first + (last - first) * min(1.0, max(0.0, done)))

    def seconds(self) -> dict[str, float]:
        """How long each stage took that has finished, by its name."""
        return {stage: round(value, 2) for stage, value in self._seconds.items()}


def seed() -> None:
    """Start every generator that libraries share anew, so that a resumed solve draws what an unbroken one does."""
    cv2.setRNGSeed(0)
    random.seed(0)
    np.random.seed(0)
