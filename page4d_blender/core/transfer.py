"""Footage to the server and the package back; what was cut off goes on where it stopped."""

import hashlib
import json
import os
import re
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests

from .client import Client, NoAnswer, ServerError
from .errors import PackageError, Page4DError

_CHUNK = 1 << 20
_RECEIVED_AT_ONCE = 1 << 16  # what of it has come is lost where a connection breaks
_MANIFEST = "manifest.json"
_PART = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")


class Stopped(Exception):
    """The artist wants no more of this."""


class LocalFileError(Page4DError):
    """A file on this machine can't be read or written."""


def hash_file(file: Path, count: Callable[[int], None], stop: threading.Event) -> str:
    """SHA-256 of a file; `count` is told of every chunk's bytes.

    Raises:
        LocalFileError: it can't be read.
        Stopped: `stop` was set.
    """
    digest = hashlib.sha256()
    for chunk in _chunks(file, 0, stop):
        digest.update(chunk)
        count(len(chunk))
    return digest.hexdigest()


def send_file(client: Client, file: Path, sha256: str, count: Callable[[int], None], stop: threading.Event) -> None:
    """Send a file unless it is there; `count` is told how many bytes of it are there by now.

    Raises:
        NoAnswer: cut off; call again, it goes on from there.
        ServerError: the server refused it.
        LocalFileError: it can't be read.
        Stopped: `stop` was set.
    """
    path, total = f"/v1/files/{sha256}", _size(file)
    asked = client.call("HEAD", path, accept=(404,))
    offset = int(asked.headers.get("Upload-Offset", "0"))
    count(min(offset, total))
    if asked.status_code != 404:
        return
    offset = offset if offset < total else 0
    headers = {"Content-Range": f"bytes {offset}-{total - 1}/{total}"} if offset else {}
    try:
        client.call("PUT", path, data=_Body(file, offset, total, count, stop), headers=headers)
    except ServerError as error:
        if error.code == "wrong_offset":  # a connection that broke is still being cleared away over there
            raise NoAnswer(error.message, hint=error.hint) from error
        raise
    count(total)


def download_package(
    client: Client, job_id: str, folder: Path, report: Callable[[float], None], stop: threading.Event
) -> None:
    """Fetch the result of a job into `folder`; its manifest comes last, so that a whole package has one.

    Args:
        folder: may hold what an earlier call fetched of the same job.
        report: told the share that is there, 0..1.

    Raises:
        NoAnswer: cut off; call again.
        ServerError: the server refused.
        PackageError: what came is no package.
        LocalFileError: it can't be written.
        Stopped: `stop` was set.
    """
    manifest = client.call("GET", f"/v1/jobs/{job_id}/package/{_MANIFEST}").content
    files = _listed(manifest)
    total, before = max(1, sum(file.bytes for file in files)), 0
    try:
        for file in files:
            target = folder / file.path
            target.parent.mkdir(parents=True, exist_ok=True)

            def count(here: int, base: int = before) -> None:
                report((base + here) / total)

            _fetch(client, job_id, file, target, count, stop)
            before += file.bytes
        draft = folder / f"{_MANIFEST}.part"
        draft.write_bytes(manifest)
        draft.replace(folder / _MANIFEST)
    except OSError as error:
        raise LocalFileError(f"the result can't be written to {folder}: {error}", hint="free some space") from error
    report(1.0)


class _Body:
    """A request's body from a file; its length lets requests announce it."""

    def __init__(
        self, file: Path, offset: int, total: int, count: Callable[[int], None], stop: threading.Event
    ) -> None:
        self._file, self._offset, self._total = file, offset, total
        self._count, self._stop = count, stop

    def __len__(self) -> int:
        return self._total - self._offset

    def __iter__(self) -> Iterator[bytes]:
        sent = self._offset
        for chunk in _chunks(self._file, self._offset, self._stop):
            yield chunk
            sent += len(chunk)
            self._count(sent)


@dataclass(frozen=True)
class _Listed:
    """One file of a package, as its manifest lists it."""

    path: str
    bytes: int
    sha256: str


def _listed(manifest: bytes) -> list[_Listed]:
    """Raises PackageError; above all where a path could lead out of the folder."""
    try:
        entries: dict[str, Any] = json.loads(manifest)["files"]
        files = [_Listed(path, int(facts["bytes"]), str(facts["sha256"])) for path, facts in entries.items()]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise PackageError("the result's manifest can't be read", hint="see the server's log") from error
    for file in files:
        if file.bytes < 0 or not all(_PART.fullmatch(part) for part in file.path.split("/")):
            raise PackageError(f"the result names a file {file.path!r:.80} that no package has", hint="trust no such")
    return files


def _fetch(
    client: Client, job_id: str, file: _Listed, target: Path, count: Callable[[int], None], stop: threading.Event
) -> None:
    """One file, from where it was cut off, checked by its hash."""
    here = target.stat().st_size if target.exists() else 0
    if here == 0 or here < file.bytes:
        _receive(client, f"/v1/jobs/{job_id}/package/{file.path}", file, target, here, count, stop)
    if hash_file(target, lambda _: None, stop) != file.sha256:
        target.unlink()  # the next call starts anew
        raise NoAnswer(f"{file.path} arrived damaged", hint="try again; if it stays so, see the server's disk")
    count(file.bytes)


def _receive(
    client: Client,
    path: str,
    file: _Listed,
    target: Path,
    here: int,
    count: Callable[[int], None],
    stop: threading.Event,
) -> None:
    headers = {"Range": f"bytes={here}-", "If-Range": f'"{file.sha256}"'} if here else {}
    # Compressed answers would make ranges and sizes mean something else.
    with client.call("GET", path, headers={"Accept-Encoding": "identity", **headers}, stream=True) as response:
        here = here if response.status_code == 206 else 0
        with target.open("ab" if here else "wb") as stream:
            try:
                for chunk in response.iter_content(_RECEIVED_AT_ONCE):
                    if stop.is_set():
                        raise Stopped
                    stream.write(chunk)
                    here += len(chunk)
                    count(here)
            except requests.exceptions.RequestException as error:
                raise NoAnswer(f"{file.path} broke off after {here} bytes", hint="try again") from error
            os.fsync(stream.fileno())


def _chunks(file: Path, offset: int, stop: threading.Event) -> Iterator[bytes]:
    try:
        with file.open("rb") as stream:
            stream.seek(offset)
            while chunk := stream.read(_CHUNK):
                if stop.is_set():
                    raise Stopped
                yield chunk
    except OSError as error:
        raise LocalFileError(f"'{file.name}' can't be read: {error}", hint="check the file and its drive") from error


def _size(file: Path) -> int:
    try:
        return file.stat().st_size
    except OSError as error:
        raise LocalFileError(f"'{file.name}' can't be read: {error}", hint="check the file and its drive") from error
