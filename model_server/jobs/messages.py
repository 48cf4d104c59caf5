"""What the server and its worker say to each other: one JSON object a line."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from pydantic import TypeAdapter

from model_server.jobs.job import JobError
from model_server.settings import SolveSettings


@dataclass(frozen=True)
class Order:
    """To the worker: solve this."""

    clip_name: str
    footage: Path
    settings: SolveSettings
    workspace: Path
    package: Path


@dataclass(frozen=True)
class Report:
    """From the worker: how far it is, or how it ended."""

    stage: str = ""
    fraction: float = 0.0  # of the whole job
    done: bool = False
    error: JobError | None = None


_ORDER = TypeAdapter(Order)
_REPORT = TypeAdapter(Report)


def order_line(order: Order) -> str:
    return _ORDER.dump_json(order).decode() + "\n"


def read_order(line: str) -> Order:
    return _ORDER.validate_json(line)


def report_line(report: Report) -> str:
    return json.dumps(asdict(report)) + "\n"


def read_report(line: str) -> Report:
    return _REPORT.validate_json(line)
