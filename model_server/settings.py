"""What a solve is asked to do. The API's schema and the command line both end here."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction
from pathlib import Path

from model_server.errors import BadInput

MAX_GIVEN_LAYERS = 64
MAX_NAME_BYTES = 63  # of a name in Blender
MAX_DILATION_PX = 1000
MAX_COEFFICIENT = 100.0  # of a lens; real ones are near 0


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


def check_layer_names(names: Sequence[str]) -> None:
    """Raises BadInput where they can't be the names of layers: the objects that Blender makes of them have the same."""
    for name in names:
        if not name.strip() or not name.isprintable() or len(name.encode()) > MAX_NAME_BYTES:
            raise BadInput(
                f"{name!r:.80} can't be the name of a layer", hint=f"give 1 to {MAX_NAME_BYTES} bytes of plain text"
            )
    if len(names) > MAX_GIVEN_LAYERS:
        raise BadInput(f"{len(names)} mattes are too many", hint=f"give {MAX_GIVEN_LAYERS} at most")
    if len({name.casefold() for name in names}) < len(names):
        raise BadInput(f"two mattes have the same name: {', '.join(names)}", hint="give each a name of its own")


@dataclass(frozen=True)
class MatteFolders:
    """The artist's own black-and-white images: `exclude` is left out of the solve, each of `layers` is a thing."""

    exclude: Path | None = None
    layers: tuple[tuple[str, Path], ...] = ()  # name and folder
    invert: bool = False  # black is the thing
    dilate_px: int = 0  # footage pixels that white grows by, after that

    def __post_init__(self) -> None:
        check_layer_names([name for name, _ in self.layers])
        if not 0 <= self.dilate_px <= MAX_DILATION_PX:
            raise BadInput(
                f"mattes can't be dilated by {self.dilate_px} px", hint=f"give a number from 0 to {MAX_DILATION_PX}"
            )


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
        if isinstance(self.distortion, tuple) and not all(abs(k) <= MAX_COEFFICIENT for k in self.distortion):
            raise BadInput(f"distortion {self.distortion} is not possible", hint="k1, k2, k3 are near 0")
