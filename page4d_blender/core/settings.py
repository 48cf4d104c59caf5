"""What a solve is asked to do: the mirror of the server's `SolveRequest` (DESIGN.md, "HTTP API")."""

from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from .errors import Page4DError

_MAX_DILATION_PX = 1000
_MAX_LAYERS = 64
_MAX_NAME_BYTES = 63  # of a name in Blender


class BadSettings(Page4DError):
    """A value that no solve can have."""


class Engine(StrEnum):
    AUTO = "auto"
    PAGE4D = "page4d"
    CLASSICAL = "classical"
    MINI = "page4d-mini"


class Mode(StrEnum):
    """What the camera does."""

    AUTO = "auto"
    FREE = "free"
    TRIPOD = "tripod"
    ZOOM = "zoom"


class Distortion(StrEnum):
    SOLVE = "solve"
    NONE = "none"


@dataclass(frozen=True)
class Frames:
    """Frame numbers of the footage, both ends included; None is the footage's own end."""

    first: int | None = None
    last: int | None = None
    step: int = 1

    def __post_init__(self) -> None:
        if not 1 <= self.step <= 10_000:
            raise BadSettings(f"a step of {self.step} frames is not possible", hint="give one from 1 to 10000")
        if self.first is not None and self.last is not None and self.last < self.first:
            raise BadSettings(f"the frame range {self.first}-{self.last} is empty", hint="give the lower number first")

    def holds(self, number: int) -> bool:
        return (self.first is None or number >= self.first) and (self.last is None or number <= self.last)


@dataclass(frozen=True)
class Lens:
    """Both in millimeters; `sensor_mm` is the width of the film back."""

    focal_mm: float
    sensor_mm: float

    def __post_init__(self) -> None:
        if not (0 < self.focal_mm <= 100_000 and 0 < self.sensor_mm <= 100_000):
            raise BadSettings(
                f"a lens of {self.focal_mm} mm on a sensor {self.sensor_mm} mm wide is not possible",
                hint="give both in millimeters, above 0",
            )


@dataclass(frozen=True)
class Mattes:
    """The artist's own black-and-white images: a folder a thing, or an image of a sequence; numbered as the footage."""

    exclude: Path | None = None  # white is left out of the solve
    layers: tuple[tuple[str, Path], ...] = ()  # name of the layer, and its mattes
    invert: bool = False
    dilate_px: int = 0

    def __post_init__(self) -> None:
        if not 0 <= self.dilate_px <= _MAX_DILATION_PX:
            raise BadSettings(
                f"mattes can't grow by {self.dilate_px} pixels", hint=f"give 0 to {_MAX_DILATION_PX} pixels"
            )
        names = [name for name, _ in self.layers]
        for name in names:
            if not name.strip() or not name.isprintable() or len(name.encode()) > _MAX_NAME_BYTES:
                raise BadSettings(
                    f"{name!r:.80} can't be the name of a layer",
                    hint=f"give 1 to {_MAX_NAME_BYTES} bytes of plain text",
                )
        if len({name.casefold() for name in names}) < len(names):
            raise BadSettings(f"two mattes have the same name: {', '.join(names)}", hint="give each a name of its own")
        if len(names) > _MAX_LAYERS:
            raise BadSettings(f"{len(names)} mattes are too many", hint=f"give {_MAX_LAYERS} at most")


@dataclass(frozen=True)
class SolveSettings:
    engine: Engine = Engine.AUTO
    frames: Frames | None = None
    lens: Lens | None = None
    mode: Mode = Mode.AUTO
    distortion: Distortion | tuple[float, float, float] = Distortion.SOLVE  # k1, k2, k3 where they are known
    smoothing: float = 0.0
    mattes: Mattes | None = None
    shadows: bool = False  # shadows that move as a layer of their own

    def __post_init__(self) -> None:
        if not 0 <= self.smoothing <= 1:
            raise BadSettings(f"smoothing {self.smoothing} is not between 0 and 1", hint="0 is none, 1 the most")
        if isinstance(self.distortion, tuple) and not all(-100 <= k <= 100 for k in self.distortion):
            raise BadSettings(f"distortion {self.distortion} is not possible", hint="k1, k2, k3 are near 0")


@dataclass(frozen=True)
class SentFile:
    """A file by the name it has here and the content it has everywhere."""

    name: str
    sha256: str


@dataclass(frozen=True)
class SentMattes:
    """The files of `Mattes`."""

    exclude: tuple[SentFile, ...] = ()
    layers: tuple[tuple[str, tuple[SentFile, ...]], ...] = ()


@dataclass(frozen=True)
class SolveRequest:
    clip_name: str
    files: tuple[SentFile, ...]
    settings: SolveSettings
    mattes: SentMattes = SentMattes()  # of `settings.mattes`

    def as_json(self) -> dict[str, Any]:
        """The body of `PUT /v1/jobs/{id}`. The rate is the footage's own."""
        settings = self.settings
        return {
            "clip": {"name": self.clip_name, "files": _listed(self.files), "fps": None},
            "engine": str(settings.engine),
            "frames": asdict(settings.frames) if settings.frames else None,
            "lens": asdict(settings.lens) if settings.lens else None,
            "solve": {
                "mode": str(settings.mode),
                "distortion": list(settings.distortion)
                if isinstance(settings.distortion, tuple)
                else str(settings.distortion),
                "smoothing": settings.smoothing,
            },
            "mattes": self._mattes(settings.mattes) if settings.mattes else None,
            "shadows": settings.shadows,
        }

    def _mattes(self, asked: Mattes) -> dict[str, Any]:
        layers = [{"name": name, "files": _listed(files)} for name, files in self.mattes.layers]
        exclude = _listed(self.mattes.exclude)
        return {"exclude": exclude, "layers": layers, "invert": asked.invert, "dilate_px": asked.dilate_px}


def _listed(files: tuple[SentFile, ...]) -> list[dict[str, Any]]:
    return [asdict(file) for file in files]
