"""What a solve is asked to do. The API's schema and the command line both end here."""

from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction
from pathlib import Path

from model_server.errors import BadInput


class ModeChoice(StrEnum):
    AUTO = "auto"
    FREE = "free"
    TRIPOD = "tripod"
    ZOOM = "zoom"


@dataclass(frozen=True)
class FrameRange:
    """Frame numbers of the footage, both ends included; None is the footage's own end."""

    first: int | None = None
    last: int | None = None
    step: int = 1

    def __post_init__(self) -> None:
        if self.step < 1:
            raise BadInput(f"step {self.step} is not possible", hint="give a step of 1 or more")
        if self.first is not None and self.last is not None and self.last < self.first:
            raise BadInput(f"the frame range {self.first}-{self.last} is empty", hint="give the lower number first")


@dataclass(frozen=True)
class KnownLens:
    focal_mm: float
    sensor_mm: float  # width of the film back

    def __post_init__(self) -> None:
        if not (self.focal_mm > 0 and self.sensor_mm > 0):
            raise BadInput(
                f"a lens of {self.focal_mm} mm on a sensor {self.sensor_mm} mm wide is not possible",
                hint="give both in millimeters, above 0",
            )


@dataclass(frozen=True)
class MatteFolders:
    """The artist's own black-and-white images: `exclude` is left out of the solve, each of `layers` is a thing."""

    exclude: Path | None = None
    layers: tuple[tuple[str, Path], ...] = ()
    invert: bool = False
    dilate_px: int = 0


@dataclass(frozen=True)
class SolveSettings:
    engine: str = "auto"
    frames: FrameRange = FrameRange()
    fps: Fraction | None = None
    lens: KnownLens | None = None
    mode: ModeChoice = ModeChoice.AUTO
    distortion: tuple[float, float, float] | str = "solve"  # "solve", "none" or given k1, k2, k3
    smoothing: float = 0.0
    mattes: MatteFolders | None = None
    shadows: bool = False

    def __post_init__(self) -> None:
        if not 0 <= self.smoothing <= 1:
            raise BadInput(f"smoothing {self.smoothing} is not between 0 and 1", hint="0 is none, 1 the most")
