"""Scores as a table and as JSON."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.table import Table

from model_server.scoring.evaluate import Scores
from model_server.scoring.score_sequence import PLAIN, Figures


def score_table(scores: Scores) -> Table:
    """A row for every sequence and alignment, those that failed with the reason, and the mean."""
    names = list(next(iter(scores.mean.values()), {}))
    title = f"{scores.task} on {scores.dataset}, protocol {scores.rules.protocol}: {scores.predictor}"
    table = Table("sequence", "frames", "alignment", title=title, box=None)
    for name in names:
        table.add_column(name, justify="right")
    if not names:
        table.add_column("failed")
    for sequence in scores.sequences:
        if sequence.failure:
            table.add_row(sequence.name, str(sequence.frame_count), "failed", *["-"] * len(names))
        for alignment, figures in sequence.figures.items():
            table.add_row(sequence.name, str(sequence.frame_count), *_row(alignment, figures))
    table.add_section()
    for alignment, figures in scores.mean.items():
        table.add_row(f"mean of {scores.counted}", "", *_row(alignment, figures), style="bold")
    return table


def failure_lines(scores: Scores) -> list[str]:
    """One line for every sequence that failed: its name and why."""
    return [f"{sequence.name} failed: {sequence.failure}" for sequence in scores.sequences if sequence.failure]


def write_json(scores: Scores, path: Path) -> None:
    """All of it, with the rules that it was scored by."""
    path.write_text(json.dumps(as_json(scores), indent=2, allow_nan=False) + "\n", encoding="utf-8")


def as_json(scores: Scores) -> dict[str, Any]:
    """What `write_json` writes."""
    rules = asdict(scores.rules)
    taken = asdict(scores.rules.of(scores.task, scores.dataset))
    del rules["alignments"], rules["datasets"]
    return {
        "task": scores.task,
        "dataset": scores.dataset,
        "weights": scores.predictor,
        "protocol": scores.rules.protocol,
        "rules": rules | taken,
        "sequences": [asdict(sequence) for sequence in scores.sequences],
        "scored": len(scores.scored),
        "failed": [sequence.name for sequence in scores.sequences if sequence.failure],
        "mean_of": scores.counted,
        "mean": scores.mean,
    }


def _row(alignment: str, figures: Figures) -> list[str]:
    return ["" if alignment == PLAIN else alignment, *(f"{value:.4f}" for value in figures.values())]
