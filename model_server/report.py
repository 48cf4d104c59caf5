"""The short report of a finished solve, read from its package."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from model_server.package.reader import read_package


@dataclass(frozen=True)
class SolveReport:
    package: str
    engine: str
    mode: str
    frames: int
    frames_solved: int
    median_px: float | None  # reprojection error, footage pixels
    focal_px: float | None  # median over the shot, footage pixels
    points: int  # tracked still points
    background_points: int
    layers: int  # moving things
    assumptions: tuple[str, ...]
    seconds: dict[str, float]  # by stage

    def rows(self) -> list[tuple[str, str]]:
        """What a person wants to read, as (name, value)."""
        return [
            ("frames", f"{self.frames_solved} of {self.frames} solved, {self.mode} camera, engine {self.engine}"),
            ("reprojection error", _number(self.median_px, "px, median")),
            ("focal length", _number(self.focal_px, "px")),
            ("points", f"{self.points} tracked, {self.background_points} in the background"),
            ("moving layers", str(self.layers)),
            ("seconds", ", ".join(f"{stage} {value:.1f}" for stage, value in self.seconds.items())),
            *(("assumed", assumption) for assumption in self.assumptions),
            ("package", self.package),
        ]


def report_of(folder: Path) -> SolveReport:
    """Raises BadPackage where `folder` holds no whole package."""
    package = read_package(folder)
    facts = package.manifest
    solved = package.array("cameras/status.npy") == 0
    focal = package.array("cameras/intrinsics.npy")[solved, 0, 0]
    return SolveReport(
        package=str(folder),
        engine=facts.made_by.engine,
        mode=facts.solve.mode,
        frames=facts.clip.frames,
        frames_solved=int(solved.sum()),
        median_px=facts.solve.median_px,
        focal_px=float(np.median(focal)) if len(focal) else None,
        points=facts.solve.points,
        background_points=facts.files["background/positions.npy"].shape[0],
        layers=len(facts.layers) - 1,
        assumptions=facts.solve.assumptions,
        seconds=facts.solve.seconds,
    )


def _number(value: float | None, unit: str) -> str:
    return "unknown" if value is None else f"{value:.2f} {unit}"
