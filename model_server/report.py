"""The short report of a finished solve, read from its package."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from model_server.geometry.shot import Array, FrameStatus
from model_server.package.reader import read_package

_WORST = 3  # frames worth a look
_NAMED = 12  # frames named one by one
_SAME_FOCAL_PX = 0.01


@dataclass(frozen=True)
class WorstFrame:
    frame: int  # the footage's own number
    median_px: float  # footage pixels


@dataclass(frozen=True)
class SolveReport:
    package: str
    engine: str
    mode: str
    frames: int
    frames_solved: int
    frames_guessed: tuple[int, ...]  # numbers of frames that were interpolated
    frames_unknown: tuple[int, ...]  # numbers of frames without a camera
    median_px: float | None  # reprojection error, footage pixels
    mean_px: float | None
    worst_frames: tuple[WorstFrame, ...]  # the largest errors, the largest first
    tracks_per_frame: tuple[int, int] | None  # of the solved frames: the fewest, the median
    focal_px: float | None  # median over the shot, footage pixels
    focal_range_px: tuple[float, float] | None  # shortest and longest; the same but in a zoom
    focal_sigma_px: float | None  # standard deviation
    points: int  # tracked still points
    background_points: int
    layers: int  # moving things
    assumptions: tuple[str, ...]
    seconds: dict[str, float]  # by stage

    def rows(self) -> list[tuple[str, str]]:
        """What a person wants to read, as (name, value)."""
        return [
            ("frames", f"{self.frames_solved} of {self.frames} solved, {self.mode} camera, engine {self.engine}"),
            ("reprojection error", f"{_number(self.median_px, 'px, median')}; {_number(self.mean_px, 'px, mean')}"),
            ("worst frames", ", ".join(f"{worst.frame} ({worst.median_px:.2f} px)" for worst in self.worst_frames)),
            *_named("interpolated, not solved", self.frames_guessed),
            *_named("without a camera", self.frames_unknown),
            ("focal length", self._focal()),
            ("tracks per frame", self._tracks()),
            ("points", f"{self.points} tracked, {self.background_points} in the background"),
            ("moving layers", str(self.layers)),
            ("seconds", ", ".join(f"{stage} {value:.1f}" for stage, value in self.seconds.items())),
            *(("assumed", assumption) for assumption in self.assumptions),
            ("package", self.package),
        ]

    def _focal(self) -> str:
        if self.focal_range_px is None:
            return "unknown"
        shortest, longest = self.focal_range_px
        varies = longest - shortest > _SAME_FOCAL_PX
        length = f"{shortest:.2f} to {longest:.2f} px" if varies else _number(self.focal_px, "px")
        return length if self.focal_sigma_px is None else f"{length}, give or take {self.focal_sigma_px:.2f} px"

    def _tracks(self) -> str:
        return (
            "unknown" if self.tracks_per_frame is None else "{}, at least {}".format(*reversed(self.tracks_per_frame))
        )


def report_of(folder: Path) -> SolveReport:
    """Raises BadPackage where `folder` holds no whole package."""
    package = read_package(folder)
    facts = package.manifest
    numbers, status = package.array("cameras/frame_numbers.npy"), package.array("cameras/status.npy")
    solved = status == FrameStatus.SOLVED
    focal = package.array("cameras/intrinsics.npy")[solved, 0, 0]
    sightings = np.bincount(package.array("tracks/observations.npy")[:, 1].astype(int), minlength=len(status))[solved]
    return SolveReport(
        package=str(folder),
        engine=facts.made_by.engine,
        mode=facts.solve.mode,
        frames=facts.clip.frames,
        frames_solved=int(solved.sum()),
        frames_guessed=tuple(map(int, numbers[status == FrameStatus.INTERPOLATED])),
        frames_unknown=tuple(map(int, numbers[status == FrameStatus.UNKNOWN])),
        median_px=facts.solve.median_px,
        mean_px=facts.solve.mean_px,
        worst_frames=_worst(numbers, package.array("cameras/reprojection_px.npy")),
        tracks_per_frame=(int(sightings.min()), int(np.median(sightings))) if len(sightings) else None,
        focal_px=float(np.median(focal)) if len(focal) else None,
        focal_range_px=(float(focal.min()), float(focal.max())) if len(focal) else None,
        focal_sigma_px=facts.solve.focal_sigma_px,
        points=facts.solve.points,
        background_points=facts.files["background/positions.npy"].shape[0],
        layers=len(facts.layers) - 1,
        assumptions=facts.solve.assumptions,
        seconds=facts.solve.seconds,
    )


def _worst(numbers: Array, errors: Array) -> tuple[WorstFrame, ...]:
    """numbers (F,), errors (F,) px, NaN where there is none."""
    order = np.argsort(-np.nan_to_num(errors, nan=-1.0), kind="stable")[:_WORST]
    return tuple(WorstFrame(int(numbers[at]), float(errors[at])) for at in order if np.isfinite(errors[at]))


def _named(what: str, frames: tuple[int, ...]) -> list[tuple[str, str]]:
    more = f" and {len(frames) - _NAMED} more" if len(frames) > _NAMED else ""
    return [(what, ", ".join(map(str, frames[:_NAMED])) + more)] if frames else []


def _number(value: float | None, unit: str) -> str:
    return "unknown" if value is None else f"{value:.2f} {unit}"
