"""Where everything lies in the server's data folder."""

import os
import re
import shutil
from dataclasses import dataclass, replace
from pathlib import Path

from model_server.errors import BadInput, ServerError
from model_server.jobs.job import FootageFile, JobRequest
from model_server.settings import SolveSettings

_ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")


class BadId(BadInput):
    code = "bad_id"


@dataclass(frozen=True)
class DataFolder:
    """Everything the server keeps; `token` is for its owner alone."""

    root: Path

    @property
    def database(self) -> Path:
        return self.root / "jobs.sqlite"

    @property
    def token(self) -> Path:
        return self.root / "token"

    @property
    def files(self) -> Path:
        return self.root / "files"

    @property
    def jobs(self) -> Path:
        return self.root / "jobs"

    def job(self, job_id: str) -> "JobFolder":
        """Raises BadId where `job_id` is not a UUID in its lower-case form: nothing else may name a folder."""
        if not _ID.fullmatch(job_id):
            raise BadId(f"{job_id!r:.60} is not a UUID", hint="make one with uuid4, lower case")
        return JobFolder(self.jobs / job_id)


@dataclass(frozen=True)
class JobFolder:
    """What one job has on disk."""

    root: Path

    @property
    def footage(self) -> Path:
        return self.root / "footage"

    @property
    def mattes(self) -> Path:
        return self.root / "mattes"

    @property
    def workspace(self) -> Path:
        return self.root / "work"

    @property
    def package(self) -> Path:
        return self.root / "result.page4d"

    @property
    def log(self) -> Path:
        return self.root / "worker.log"

    def remove(self) -> None:
        shutil.rmtree(self.root, ignore_errors=True)

    def remove_work(self) -> None:
        """What only a running job needs: everything but its package and its log."""
        for entry in self.root.iterdir():
            if entry not in (self.package, self.log):
                shutil.rmtree(entry, ignore_errors=True) if entry.is_dir() else entry.unlink()

    def lay_out_footage(self, files: tuple[FootageFile, ...], stored: Path) -> Path:
        """Give the stored contents their names again.

        Args:
            files: of the clip; their contents lie at `stored / sha256`.

        Returns:
            What the pipeline opens: the movie, or the folder of the sequence.

        Raises:
            ServerError: a content is gone.
        """
        _lay_out(files, stored, self.footage)
        return self.footage / files[0].name if len(files) == 1 else self.footage

    def with_mattes(self, request: JobRequest, stored: Path) -> SolveSettings:
        """The request's settings, with the folders that its mattes now lie in, in their own names.

        Raises:
            ServerError: a content is gone.
        """
        settings, sent = request.settings, request.mattes
        if settings.mattes is None:
            return settings
        exclude = self.mattes / "exclude" if sent.exclude else None
        layers = [(name, self.mattes / f"layer_{index:02d}") for index, (name, _) in enumerate(sent.layers, 1)]
        if exclude is not None:
            _lay_out(sent.exclude, stored, exclude)
        for (_, files), (_, folder) in zip(sent.layers, layers):
            _lay_out(files, stored, folder)
        return replace(settings, mattes=replace(settings.mattes, exclude=exclude, layers=tuple(layers)))


def _lay_out(files: tuple[FootageFile, ...], stored: Path, folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for file in files:
        try:
            _link(stored / file.sha256, folder / file.name)
        except FileNotFoundError as error:
            raise ServerError(f"the content of {file.name} is gone", hint="send the footage again") from error


def _link(source: Path, target: Path) -> None:
    """A hard link costs no disk; on file systems that have none (exFAT), a copy."""
    try:
        os.link(source, target)
    except FileNotFoundError:
        raise
    except OSError:
        shutil.copyfile(source, target)
