"""One solve from footage to a result package on this machine, in a thread that says on a queue how it goes."""

import queue
import threading
import time
import uuid
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from .access import NoToken
from .client import Client, JobState, JobStatus, NoAnswer, ServerError
from .errors import Page4DError
from .footage_files import footage_files, matte_files
from .settings import Mattes, SentFile, SentMattes, SolveRequest, SolveSettings
from .transfer import LocalFileError, Stopped, download_package, hash_file, send_file

_LOOK_EVERY_S = 0.4
_PATIENCE_S = 120.0  # how long a server may be away, once the job has begun
# Codes of the server's errors for which no input is to blame.
_OUR_FAULT = frozenset({"server_error", "internal", "worker_died", "disk_full"})
_Result = TypeVar("_Result")


@dataclass(frozen=True)
class Uploading:
    fraction: float


@dataclass(frozen=True)
class Queued:
    place: int  # 1 is next


@dataclass(frozen=True)
class Running:
    stage: str
    fraction: float  # of the whole job
    seconds_left: float | None


@dataclass(frozen=True)
class Waiting:
    """The server is away; it is asked again until `seconds` are over."""

    seconds: float


@dataclass(frozen=True)
class Downloading:
    fraction: float


@dataclass(frozen=True)
class Done:
    folder: Path  # the result package


@dataclass(frozen=True)
class Failed:
    message: str
    hint: str
    is_our_fault: bool = False
    is_about_server: bool = False  # not about the footage or the job: its address, its token, its version


@dataclass(frozen=True)
class Canceled:
    pass


End = Done | Failed | Canceled
Message = Uploading | Queued | Running | Waiting | Downloading | End


class SolveJob:
    """Made and read by one thread; `start` and `next_message`, or `run`, which does both until the end.

    Args:
        connect: makes this job's own client; called in its thread, may raise any Page4DError.
        footage: a movie, a folder or an image of a sequence.
        results: the folder in which the package gets its place; made where it is missing.
    """

    def __init__(self, connect: Callable[[], Client], footage: Path, settings: SolveSettings, results: Path) -> None:
        self._connect, self._footage, self._settings, self._results = connect, footage, settings, results
        self._client: Client | None = None
        self._id = str(uuid.uuid4())
        self._messages: queue.SimpleQueue[Message] = queue.SimpleQueue()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._work, name="page4d-solve", daemon=True)
        self._finished = False

    @property
    def finished(self) -> bool:
        """The last message was taken."""
        return self._finished

    @property
    def is_canceling(self) -> bool:
        return self._stop.is_set()

    def start(self) -> None:
        self._thread.start()

    def cancel(self) -> None:
        """Stop soon, and stop the server's computation; `Canceled` tells when it has stopped."""
        self._stop.set()

    def next_message(self, wait_s: float = 0.0) -> Message | None:
        """The oldest message that was not taken yet, or None where there is none after `wait_s`."""
        try:
            message = self._messages.get(timeout=wait_s) if wait_s else self._messages.get_nowait()
        except queue.Empty:
            return None
        self._finished = isinstance(message, End)
        return message

    def run(self, show: Callable[[Message], None] = lambda message: None) -> End:
        """Work until the end, and `show` every message in the caller's thread. Ctrl-C cancels, then is raised."""
        self.start()
        try:
            while True:
                message = self.next_message(_LOOK_EVERY_S)
                if message is not None:
                    show(message)
                if isinstance(message, End):
                    return message
        except KeyboardInterrupt:
            self.cancel()
            self._thread.join()
            raise

    def _work(self) -> None:
        say = self._messages.put
        try:
            say(Done(self._solve()))
        except Stopped:
            say(self._canceled())
        except Page4DError as error:
            say(_failed(error))
        except Exception as error:  # the edge of the thread: whatever it is, the artist must hear of it
            say(
                Failed(
                    f"the add-on failed: {type(error).__name__}: {error}", "this is a bug of Page4D; report it", True
                )
            )

    def _solve(self) -> Path:
        client = self._client = self._connect()
        footage = footage_files(self._footage, self._settings.frames)
        exclude, layers = self._matte_files(self._settings.mattes or Mattes())
        files = [*footage.files, *exclude, *(file for _, thing in layers for file in thing)]
        sent = dict(zip(files, self._send(client, files)))
        mattes = SentMattes(
            tuple(sent[file] for file in exclude),
            tuple((name, tuple(sent[file] for file in thing)) for name, thing in layers),
        )
        request = SolveRequest(footage.name, tuple(sent[file] for file in footage.files), self._settings, mattes)
        self._patiently(lambda: client.submit(self._id, request.as_json()))
        self._wait_for_the_end(client)
        return self._download(client, footage.name)

    def _matte_files(self, mattes: Mattes) -> tuple[tuple[Path, ...], list[tuple[str, tuple[Path, ...]]]]:
        """What is left out of the solve, and each layer with its name."""
        frames = self._settings.frames
        exclude = matte_files("what is left out", mattes.exclude, frames) if mattes.exclude else ()
        return exclude, [(name, matte_files(f"'{name}'", folder, frames)) for name, folder in mattes.layers]

    def _send(self, client: Client, files: list[Path]) -> list[SentFile]:
        """Hash, then send; each counts as half of the way."""
        progress = _Bytes(2 * sum(file.stat().st_size for file in files), self._messages.put)
        hashes = [hash_file(file, progress.add, self._stop) for file in files]
        for file, sha256 in zip(files, hashes):
            base = progress.value

            def count(bytes_there: int, base: int = base) -> None:
                progress.set(base + bytes_there)

            self._patiently(lambda f=file, s=sha256, c=count: send_file(client, f, s, c, self._stop))  # type: ignore[misc]
        return [SentFile(file.name, sha256) for file, sha256 in zip(files, hashes)]

    def _wait_for_the_end(self, client: Client) -> None:
        """Raises the job's own error where it failed."""
        last: JobStatus | None = None
        while True:
            status = self._patiently(lambda: client.job(self._id))
            if status != last:
                self._tell(status)
                last = status
            if status.state is JobState.DONE:
                return
            if status.state is JobState.CANCELED:
                raise Stopped
            if status.state is JobState.FAILED:
                error = status.error
                code = error.code if error else ""
                raise ServerError(
                    error.message if error else "the solve failed, and the server did not say why",
                    hint=error.hint if error else "see the server's log",
                    code=code,
                    status=500 if code in _OUR_FAULT or not error else 0,
                )
            self._pause(_LOOK_EVERY_S)

    def _tell(self, status: JobStatus) -> None:
        if status.state is JobState.QUEUED:
            self._messages.put(Queued(status.place or 1))
        elif status.state is JobState.RUNNING:
            self._messages.put(Running(status.stage or "footage", status.fraction, status.seconds_left))

    def _download(self, client: Client, clip_name: str) -> Path:
        draft = self._results / f".{self._id}.part"
        try:
            draft.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            hint = "choose another results folder"
            raise LocalFileError(f"the result can't be written to {self._results}: {error}", hint=hint) from error

        def report(fraction: float) -> None:
            self._messages.put(Downloading(fraction))

        self._patiently(lambda: download_package(client, self._id, draft, report, self._stop))
        folder = _free_name(self._results, clip_name)
        draft.rename(folder)
        with suppress(ServerError):  # the result is here and whole; what stays over there is only disk space
            client.forget(self._id)
        return folder

    def _canceled(self) -> End:
        """Stop the computation over there before saying that it has stopped."""
        if self._client is None:
            return Canceled()
        try:
            self._client.cancel(self._id)
            self._client.forget(self._id)
        except ServerError as error:
            if error.code != "no_such_job":  # canceled before it was submitted
                return Failed(f"canceled here, but perhaps not on the server: {error.message}", error.hint)
        return Canceled()

    def _patiently(self, call: Callable[[], _Result]) -> _Result:
        """Call again while nobody answers: servers are restarted, networks come back, and jobs go on."""
        silent_since: float | None = None
        while True:
            if self._stop.is_set():
                raise Stopped
            try:
                return call()
            except NoAnswer:
                silent_since = silent_since or time.monotonic()
                left = _PATIENCE_S - (time.monotonic() - silent_since)
                if left <= 0:
                    raise
                self._messages.put(Waiting(left))
                self._pause(2.0)

    def _pause(self, seconds: float) -> None:
        if self._stop.wait(seconds):
            raise Stopped


def _failed(error: Page4DError) -> Failed:
    if not isinstance(error, ServerError):
        return Failed(error.message, error.hint, is_about_server=isinstance(error, NoToken))
    # What the server says about a job has a code; what is said of the server itself has none.
    return Failed(error.message, error.hint, error.is_our_fault, error.code in ("", "wrong_token"))


class _Bytes:
    """Counts bytes, and says so when it matters."""

    def __init__(self, total: int, say: Callable[[Message], None]) -> None:
        self.value, self._total, self._said, self._say = 0, max(1, total), -1.0, say

    def add(self, count: int) -> None:
        self.set(self.value + count)

    def set(self, value: int) -> None:
        self.value = value
        fraction = value / self._total
        if fraction - self._said >= 0.01:
            self._said = fraction
            self._say(Uploading(min(1.0, fraction)))


def _free_name(results: Path, clip_name: str) -> Path:
    """`clip.page4d`, or `clip_2.page4d` and so on: an older result may be in use by a scene."""
    name, number = f"{clip_name}.page4d", 1
    while (results / name).exists():
        number += 1
        name = f"{clip_name}_{number}.page4d"
    return results / name
