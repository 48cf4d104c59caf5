"""What a job is, from the request to its end."""

from dataclasses import dataclass
from enum import StrEnum

from model_server.settings import SolveSettings, check_layer_names


class JobState(StrEnum):
    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELED = "canceled"

    @property
    def is_final(self) -> bool:
        return self in (JobState.DONE, JobState.FAILED, JobState.CANCELED)


@dataclass(frozen=True)
class FootageFile:
    """One file of a clip: what it is called, and which content it has."""

    name: str  # plain, no folders
    sha256: str


@dataclass(frozen=True)
class MatteFiles:
    """The artist's own mattes as they were sent: what is left out of the solve, and (name, files) of each layer."""

    exclude: tuple[FootageFile, ...] = ()
    layers: tuple[tuple[str, tuple[FootageFile, ...]], ...] = ()

    def __post_init__(self) -> None:
        check_layer_names([name for name, _ in self.layers])

    @property
    def files(self) -> tuple[FootageFile, ...]:
        return self.exclude + tuple(file for _, files in self.layers for file in files)


@dataclass(frozen=True)
class JobRequest:
    """What a client asked for; `settings` names no path."""

    clip_name: str
    files: tuple[FootageFile, ...]  # of the clip
    settings: SolveSettings
    mattes: MatteFiles = MatteFiles()

    @property
    def all_files(self) -> tuple[FootageFile, ...]:
        return self.files + self.mattes.files


@dataclass(frozen=True)
class JobError:
    """Why a job failed, in the words of the API's error shape."""

    code: str
    message: str
    hint: str


@dataclass(frozen=True)
class Job:
    """A job as it stands."""

    id: str
    state: JobState
    stage: str | None  # the last one that has begun
    fraction: float  # of the whole job, 0..1; never goes back
    place: int | None  # in the queue; 1 is next; None when it is not queued
    worked_s: float  # seconds that workers have spent on it
    died_in: str | None  # the stage in which a worker died last
    error: JobError | None

    @property
    def seconds_left(self) -> float | None:
        """By the speed so far; None where there is too little to tell from."""
        if self.state is not JobState.RUNNING or self.fraction < 0.05 or self.worked_s < 1:
            return None
        return round(self.worked_s * (1 - self.fraction) / self.fraction, 1)
