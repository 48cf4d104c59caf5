"""What the panel and the command line say about a solve, in words."""

from dataclasses import dataclass, replace
from enum import Enum, auto
from pathlib import Path

import numpy as np

from .job import Canceled, Done, Downloading, Failed, Message, Queued, Running, Uploading, Waiting
from .lens import FILM_BACK_MM
from .package import Package

_STAGES = {
    "footage": "Reading the footage",
    "tracks": "Tracking points",
    "engine": "Finding the camera",
    "solve": "Refining the camera",
    "depth": "Measuring depth",
    "motion": "Finding what moves",
    "layers": "Following moving things",
    "package": "Writing the result",
}


class Phase(Enum):
    IDLE = auto()
    WORKING = auto()
    DONE = auto()
    FAILED = auto()
    CANCELED = auto()


@dataclass(frozen=True)
class Status:
    """How the latest solve goes; it is kept until the next one begins."""

    phase: Phase = Phase.IDLE
    line: str = ""
    fraction: float = 0.0  # of what `line` says
    hint: str = ""
    folder: Path | None = None  # the result package
    is_about_server: bool = False  # what failed is mended in the preferences


def status_after(status: Status, message: Message) -> Status:
    """The status once `message` has come."""
    match message:
        case Uploading(fraction):
            return Status(Phase.WORKING, "Sending the footage", fraction)
        case Queued(place):
            return Status(Phase.WORKING, "Next in the queue" if place == 1 else f"Place {place} in the queue")
        case Running(stage, fraction, left):
            line = _STAGES.get(stage, stage.capitalize())
            return Status(Phase.WORKING, f"{line}, {duration(left)} left" if left is not None else line, fraction)
        case Waiting(seconds):
            line = f"The server is away, trying for {duration(seconds)} more"
            return replace(status, phase=Phase.WORKING, line=line)
        case Downloading(fraction):
            return Status(Phase.WORKING, "Fetching the result", fraction)
        case Done(folder):
            return Status(Phase.DONE, "Solved", 1.0, folder=folder)
        case Failed(text, hint, _, is_about_server):
            return Status(Phase.FAILED, sentence(text), hint=sentence(hint), is_about_server=is_about_server)
        case Canceled():
            return Status(Phase.CANCELED, "Canceled")


def solve_summary(package: Package) -> str:
    """The one number to trust, and what it is of: "0.21 px median over 36 frames, focal 31.2 mm"."""
    frames = int(package.known.sum())
    focal_px = package.intrinsics[package.known, 0, 0]
    long_side = max(package.manifest.clip.width, package.manifest.clip.height)
    shortest, longest = (float(bound) * FILM_BACK_MM / long_side for bound in (focal_px.min(), focal_px.max()))
    varies = package.manifest.varying_focal and longest - shortest > 0.05
    focal = (
        f"{shortest:.1f} to {longest:.1f} mm"
        if varies
        else f"{float(np.median(focal_px)) * FILM_BACK_MM / long_side:.1f} mm"
    )
    error = package.manifest.median_px
    trusted = f"{error:.2f} px median over {frames} frames" if error is not None else f"{frames} frames"
    return f"{trusted}, focal {focal}"


def duration(seconds: float) -> str:
    """ "42 s", "3 min", "1 h 20 min"."""
    if seconds < 99.5:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"


def sentence(text: str) -> str:
    """With a capital letter, for errors begin with a small one where they are quoted."""
    return text[:1].upper() + text[1:]
