"""A lock between processes that ends with the process that holds it, however that ends."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from model_server.errors import BadInput


class InUse(BadInput):
    """Another process works in this folder."""

    status, code = 409, "folder_in_use"


@contextmanager
def only_one(folder: Path, wait_s: float = 0.0) -> Iterator[None]:
    """Hold `folder` for this process alone; SQLite's file locks are the same on every system.

    Args:
        wait_s: how long to wait for another process to let go.

    Raises:
        InUse: another process still holds it then.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with closing(sqlite3.connect(folder / "in_use.lock", timeout=wait_s, isolation_level=None)) as connection:
        try:
            connection.execute("BEGIN EXCLUSIVE")
        except sqlite3.OperationalError as error:
            raise InUse(f"another process works in {folder}", hint="wait for it, or give another folder") from error
        yield
