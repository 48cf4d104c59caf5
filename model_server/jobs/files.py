"""Footage that clients sent, each content once, under the name of its hash."""

import errno
import hashlib
import os
import re
import shutil
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from model_server.errors import BadInput, ServerError

_HASH = re.compile(r"[0-9a-f]{64}")
_KEEP_UNUSED_S = 7 * 24 * 3600.0
_SPARE_BYTES = 256 << 20  # left free for the database and the jobs that run


class BadHash(BadInput):
    code = "bad_hash"


class WrongContent(BadInput):
    status, code = 422, "wrong_content"


class WrongOffset(ServerError):
    """The client goes on at another byte than the one that is wanted; it can ask and try again."""

    status, code = 409, "wrong_offset"


class TooLarge(ServerError):
    status, code = 413, "file_too_large"


class DiskFull(ServerError):
    status, code = 507, "disk_full"


class Arrival:
    """A file on its way in."""

    def __init__(self, stream: BinaryIO, size: int, limit_bytes: int) -> None:
        self._stream, self.size, self._limit_bytes = stream, size, limit_bytes

    def write(self, chunk: bytes) -> None:
        """Append; raises TooLarge and DiskFull."""
        self.size += len(chunk)
        _check_size(self.size, self._limit_bytes)
        try:
            self._stream.write(chunk)
        except OSError as error:
            raise _disk_full(error) from error


class FileStore:
    """Whole files are `<hash>`, incomplete ones `<hash>.part`; a file is whole only when its hash was checked."""

    def __init__(self, folder: Path, limit_bytes: int) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder, self._limit_bytes = folder, limit_bytes
        self._lock = threading.Lock()
        self._arriving: set[str] = set()

    @property
    def folder(self) -> Path:
        return self._folder

    def has(self, sha256: str) -> bool:
        return self._whole(sha256).is_file()

    def bytes_here(self, sha256: str) -> int:
        """How much of a file has arrived; all of it where `has` is true."""
        for file in (self._whole(sha256), self._part(sha256)):
            if file.is_file():
                return file.stat().st_size
        return 0

    @contextmanager
    def arriving(self, sha256: str, offset: int, total: int | None) -> Iterator[Arrival]:
        """Append to a file, from byte `offset` on; `finish` makes it whole.

        Args:
            offset: 0 throws away what has arrived before.
            total: bytes of the whole file, where known.

        Raises:
            WrongOffset: `offset` is not where the file ends, or the same file is arriving on another connection.
            TooLarge: over the limit.
            DiskFull: it would not fit.
        """
        _check_size(total or 0, self._limit_bytes)
        with self._lock:
            if sha256 in self._arriving:
                raise WrongOffset(f"{sha256} is arriving on another connection", hint="wait for it")
            self._arriving.add(sha256)
        try:
            part, here = self._part(sha256), self.bytes_here(sha256)
            if offset not in (0, here):
                raise WrongOffset(f"{here} bytes of {sha256} are here, not {offset}", hint="go on from Upload-Offset")
            self._need_room((total or 0) - offset)
            with part.open("ab" if offset else "wb", buffering=0) as stream:
                yield Arrival(stream, offset, self._limit_bytes)
        finally:
            with self._lock:
                self._arriving.discard(sha256)

    def finish(self, sha256: str) -> None:
        """Check an incomplete file's hash and make it whole.

        Raises:
            WrongContent: it has another one; what arrived is thrown away.
        """
        part = self._part(sha256)
        with part.open("rb") as stream:
            found = hashlib.file_digest(stream, "sha256").hexdigest()
        if found != sha256:
            part.unlink()
            raise WrongContent(f"the content hashes to {found}, not to {sha256}", hint="send the file again")
        os.replace(part, self._whole(sha256))

    def remove(self, hashes: list[str]) -> None:
        for sha256 in hashes:
            self._whole(sha256).unlink(missing_ok=True)

    def remove_unused(self, needed: set[str]) -> None:
        """Forget what no job needs and nobody has touched for a week."""
        for file in self._folder.iterdir():
            if file.stem not in needed and time.time() - file.stat().st_mtime > _KEEP_UNUSED_S:
                file.unlink(missing_ok=True)

    def _whole(self, sha256: str) -> Path:
        if not _HASH.fullmatch(sha256):
            raise BadHash(f"{sha256!r:.80} is not a SHA-256", hint="give 64 lower-case hex digits")
        return self._folder / sha256

    def _part(self, sha256: str) -> Path:
        return self._whole(sha256).with_suffix(".part")

    def _need_room(self, bytes_to_come: int) -> None:
        free = shutil.disk_usage(self._folder).free
        if bytes_to_come + _SPARE_BYTES > free:
            raise DiskFull(f"{bytes_to_come} bytes do not fit; {free} are free", hint="free some space on the server")


def _check_size(size: int, limit_bytes: int) -> None:
    """Raises TooLarge."""
    if size > limit_bytes:
        raise TooLarge(f"{size} bytes are more than {limit_bytes}", hint="start the server with a higher --max-file-gb")


def _disk_full(error: OSError) -> ServerError:
    if error.errno == errno.ENOSPC:
        return DiskFull("the server's disk is full", hint="free some space there, then send the rest")
    return ServerError(f"the server could not store the file: {error}")
