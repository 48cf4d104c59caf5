"""A whole dataset, scored: every sequence, those that fail by name, and the mean."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from model_server.errors import BadInput, ServerError
from model_server.scoring.datasets import chosen_sequences
from model_server.scoring.drawings import Drawing
from model_server.scoring.predictor import Predictor
from model_server.scoring.rules import EvaluationRules, Task
from model_server.scoring.score_sequence import Figures, SequenceFigures, score_sequence
from model_server.training.readers.reader import FootageReader


@dataclass(frozen=True)
class SequenceScore:
    """One sequence; either it has figures or it has failed."""

    name: str
    frame_count: int = 0
    weight: float = 0.0
    figures: Mapping[str, Figures] = field(default_factory=dict)  # by alignment
    failure: str = ""


@dataclass(frozen=True)
class Scores:
    """All of a dataset."""

    task: Task
    dataset: str
    predictor: str
    rules: EvaluationRules
    sequences: tuple[SequenceScore, ...]

    @property
    def scored(self) -> tuple[SequenceScore, ...]:
        """Those that did not fail."""
        return tuple(sequence for sequence in self.sequences if not sequence.failure)

    @property
    def mean(self) -> Mapping[str, Figures]:
        """By alignment, of the sequences that have figures; of how many, `counted` says."""
        scored = self.scored
        if not scored:
            return {}
        weights = [sequence.weight if self.rules.weighted else 1.0 for sequence in scored]
        return {
            alignment: {
                name: math.fsum(w * s.figures[alignment][name] for w, s in zip(weights, scored)) / math.fsum(weights)
                for name in figures
            }
            for alignment, figures in scored[0].figures.items()
        }

    @property
    def counted(self) -> str:
        """What the mean is of: of `n of m` where failures count, else of the n that are left."""
        scored, all_of_them = len(self.scored), len(self.sequences)
        return f"{scored} of {all_of_them}" if self.rules.failures_count else str(scored)


Seen = Callable[[SequenceScore, Drawing | None], None]


def evaluate(
    task: Task,
    reader: FootageReader,
    predictor: Predictor,
    rules: EvaluationRules,
    sequences: Sequence[str] | None = None,
    seen: Seen = lambda score, drawing: None,
) -> Scores:
    """Score a predictor on a dataset. A sequence that can't be read, looked at or scored is a failure with its reason.

    Args:
        sequences: names of these only; None: those of the protocol.
        seen: called after every sequence.

    Raises:
        BadInput: one of `sequences` is not there, or the predictor can't do what the task asks.
    """
    if task is Task.MOTION and not predictor.knows_motion:
        raise BadInput(f"{predictor.name} does not say what moves", hint="take weights that have the mask, and it on")
    names = chosen_sequences(reader, task, rules, None if sequences is None else tuple(sequences))
    scores = []
    for name in names:
        score, drawing = _scored(task, reader, name, predictor, rules)
        seen(score, drawing)
        scores.append(score)
    return Scores(task, reader.name, predictor.name, rules, tuple(scores))


def _scored(
    task: Task, reader: FootageReader, name: str, predictor: Predictor, rules: EvaluationRules
) -> tuple[SequenceScore, Drawing | None]:
    counts = {sequence.name: sequence.frame_count for sequence in reader.sequences}
    if name not in counts:
        return SequenceScore(name, failure="it is not there"), None
    indexes = rules.frames(task, reader.name, counts[name])
    try:
        frames = [reader.frame(name, index) for index in indexes]
        found: SequenceFigures = score_sequence(task, reader.name, frames, predictor, rules)
    except ServerError as error:
        return SequenceScore(name, len(indexes), failure=error.message), None
    return SequenceScore(name, len(indexes), found.weight, found.figures), found.drawing
