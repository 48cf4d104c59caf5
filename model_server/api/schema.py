"""What the API takes and gives: DESIGN.md, "HTTP API"; the extension's mirror is `page4d_blender/core/settings.py`."""

import re
from fractions import Fraction
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from model_server.jobs.job import FootageFile, Job, JobRequest, MatteFiles
from model_server.settings import (
    MAX_DILATION_PX,
    MAX_GIVEN_LAYERS,
    FrameRange,
    KnownLens,
    MatteFolders,
    ModeChoice,
    SolveSettings,
)

MAX_FILES = 100_000
_SHA256 = re.compile(r"[0-9a-f]{64}")
_FORBIDDEN = re.compile(r'[\x00-\x1f\x7f/\\:*?"<>|]')  # separators, control characters, what Windows refuses
_WINDOWS_DEVICES = re.compile(r"(?i)(con|prn|aux|nul|com\d|lpt\d)(\..*)?")


def _plain_name(name: str) -> str:
    if _FORBIDDEN.search(name) or name != name.strip(" ") or name.endswith(".") or name.startswith("."):
        raise ValueError(f"{name!r:.80} is not a plain file name")
    if len(name.encode()) > 255:
        raise ValueError(f"{name[:40]!r}... is longer than a file name can be")
    if _WINDOWS_DEVICES.fullmatch(name):
        raise ValueError(f"{name!r:.80} is the name of a device")
    return name


PlainName = Annotated[str, Field(min_length=1, max_length=255), AfterValidator(_plain_name)]
Sha256 = Annotated[str, Field(pattern=f"^{_SHA256.pattern}$")]
FrameNumber = Annotated[int, Field(ge=-10_000_000, le=10_000_000)]
Millimeters = Annotated[float, Field(gt=0, le=100_000, allow_inf_nan=False)]
Coefficient = Annotated[float, Field(ge=-100, le=100, allow_inf_nan=False)]
Part = Annotated[int, Field(ge=1, le=1_000_000)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class File(_Strict):
    name: PlainName
    sha256: Sha256


def _names_differ(files: tuple[File, ...]) -> tuple[File, ...]:
    # Without regard to case: on Windows and macOS they would be the same file.
    if len({file.name.casefold() for file in files}) < len(files):
        raise ValueError("two files have the same name")
    return files


Files = Annotated[tuple[File, ...], Field(max_length=MAX_FILES), AfterValidator(_names_differ)]
SomeFiles = Annotated[Files, Field(min_length=1)]


class Clip(_Strict):
    name: Annotated[str, Field(min_length=1, max_length=255, pattern=r"^[^\x00-\x1f\x7f]*$")]
    files: SomeFiles
    fps: tuple[Part, Part] | None = None  # numerator, denominator; None asks the footage


class Frames(_Strict):
    """Frame numbers of the footage, both ends included."""

    first: FrameNumber | None = None
    last: FrameNumber | None = None
    step: Annotated[int, Field(ge=1, le=10_000)] = 1


class Lens(_Strict):
    focal_mm: Millimeters
    sensor_mm: Millimeters


class Solve(_Strict):
    mode: Literal["auto", "free", "tripod", "zoom"] = "auto"
    distortion: Literal["solve", "none"] | tuple[Coefficient, Coefficient, Coefficient] = "solve"
    smoothing: Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)] = 0.0


class MatteLayer(_Strict):
    name: Annotated[str, Field(min_length=1, max_length=63)]
    files: SomeFiles


class Mattes(_Strict):
    exclude: Files = ()
    layers: Annotated[tuple[MatteLayer, ...], Field(max_length=MAX_GIVEN_LAYERS)] = ()
    invert: bool = False
    dilate_px: Annotated[int, Field(ge=0, le=MAX_DILATION_PX)] = 0

    def as_files(self) -> MatteFiles:
        """Raises BadInput where the names of layers are not possible."""
        return MatteFiles(_sent(self.exclude), tuple((layer.name, _sent(layer.files)) for layer in self.layers))


class SolveRequest(_Strict):
    clip: Clip
    engine: Literal["auto", "page4d", "page4d-mini", "classical"] = "auto"
    frames: Frames | None = None
    lens: Lens | None = None
    solve: Solve = Solve()
    mattes: Mattes | None = None
    shadows: bool = False

    def as_job(self) -> JobRequest:
        """Raises BadInput where the values do not fit together."""
        mattes = self.mattes
        return JobRequest(
            clip_name=self.clip.name,
            files=_sent(self.clip.files),
            settings=SolveSettings(
                engine=self.engine,
                frames=FrameRange(**self.frames.model_dump()) if self.frames else FrameRange(),
                fps=Fraction(*self.clip.fps) if self.clip.fps else None,
                lens=KnownLens(**self.lens.model_dump()) if self.lens else None,
                mode=ModeChoice(self.solve.mode),
                distortion=self.solve.distortion,
                smoothing=self.solve.smoothing,
                mattes=MatteFolders(invert=mattes.invert, dilate_px=mattes.dilate_px) if mattes else None,
                shadows=self.shadows,
            ),
            mattes=mattes.as_files() if mattes else MatteFiles(),
        )


def _sent(files: tuple[File, ...]) -> tuple[FootageFile, ...]:
    return tuple(FootageFile(file.name, file.sha256) for file in files)


class ErrorFacts(BaseModel):
    code: str  # a stable word for scripts
    message: str  # what happened
    hint: str  # what to do


class JobAnswer(BaseModel):
    id: str
    state: str  # queued, running, done, failed, canceled
    stage: str | None
    fraction: float  # of the whole job; never goes back
    place: int | None  # in the queue; 1 is next
    seconds_left: float | None
    error: ErrorFacts | None

    @classmethod
    def of(cls, job: Job) -> Self:
        return cls(
            id=job.id,
            state=job.state,
            stage=job.stage,
            fraction=round(job.fraction, 4),
            place=job.place,
            seconds_left=job.seconds_left,
            error=ErrorFacts(**vars(job.error)) if job.error else None,
        )


class EngineFacts(BaseModel):
    name: str
    weights: str | None  # None where the engine needs none, or has none
    license: str | None  # of the weights
    ready: bool  # whether it can run here
    note: str  # what is missing and how to get it, or what these weights can't do; empty where all is well


class Versions(BaseModel):
    server: str
    api: int
    package: str


class Health(BaseModel):
    state: Literal["idle", "busy"]
    device: str
    engines: list[EngineFacts]
    versions: Versions
