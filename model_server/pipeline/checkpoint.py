"""What finished stages gave, kept in a folder, so that a solve goes on where it was cut off.

One folder a result: arrays as `.npy`, everything else in `values.json`, and `done.json` written last under another
name and renamed. A folder without it is work that was cut off; it is thrown away and done again.
"""

import dataclasses
import json
import os
import shutil
import time
import typing
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from model_server.package.typed_json import typed

T = TypeVar("T")

_KEY, _MARKER, _VALUES = "made_for.json", "done.json", "values.json"
_IN_MEMORY = 1 << 20  # bytes; larger arrays come back memory-mapped


class Checkpoints:
    """The results in `folder`, all made for the same `key` (what the footage and the settings hash to).

    A folder that was made for another key is emptied; `is_new` says that nothing is there yet.
    """

    def __init__(self, folder: Path, key: str) -> None:
        self._folder = folder
        self.is_new = _read_json(folder / _KEY) != key
        if self.is_new:
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(parents=True)
            _write_json(folder / _KEY, key)

    def result(self, name: str, kind: type[T], work: Callable[[Path], T]) -> T:
        """The dataclass that `work` gives, from disk where it was finished before.

        Args:
            name: of the result; the folder's name.
            kind: the dataclass; its fields are arrays and what JSON can hold.
            work: gets the result's own folder and may leave arrays there as `<field>.npy`, see `new_array`.

        Returns:
            The result as read back: arrays over 1 MB are memory-mapped copy-on-write, the same on a first run and on
            a resumed one.
        """
        folder = self._folder / name
        if not (folder / _MARKER).exists():
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
            start = time.monotonic()
            _save(folder, work(folder))
            _write_json(folder / _MARKER, {"seconds": round(time.monotonic() - start, 3)})
        return _load(folder, kind)

    def remove(self) -> None:
        """Delete the folder; cut off in the middle of that, what is left counts as made for another key."""
        (self._folder / _KEY).unlink()
        shutil.rmtree(self._folder, ignore_errors=True)

    def seconds(self, name: str) -> float:
        """How long the work for a finished result took, in whichever run that was."""
        return float(_read_json(self._folder / name / _MARKER)["seconds"])


def new_array(folder: Path, field: str, dtype: str, shape: tuple[int, ...]) -> NDArray[Any]:
    """An array on disk that becomes the field of the result whose folder this is; zeros, and no copy is made.

    Raises:
        OSError: the disk has no room for it. Without asking now, a full disk would end the process later (SIGBUS).
    """
    file = folder / f"{field}.npy"
    array: NDArray[Any] = np.lib.format.open_memmap(file, "w+", np.dtype(dtype), shape)
    if hasattr(os, "posix_fallocate"):
        with file.open("r+b") as stream:
            os.posix_fallocate(stream.fileno(), 0, file.stat().st_size)
    return array


def _save(folder: Path, result: Any) -> None:
    values = {}
    for field in dataclasses.fields(result):
        value = getattr(result, field.name)
        if isinstance(value, np.ndarray):
            _save_array(folder / f"{field.name}.npy", value)
        else:
            values[field.name] = value
    (folder / _VALUES).write_text(json.dumps(values, default=_plain), encoding="utf-8")


def _save_array(file: Path, array: NDArray[Any]) -> None:
    if file.exists():  # the stage made it with `new_array`
        if not isinstance(array, np.memmap) or Path(str(array.filename)) != file.resolve():
            raise ValueError(f"{file.name} was left in the folder, and another array was given back")
        array.flush()
    else:
        np.save(file, array, allow_pickle=False)


def _load(folder: Path, kind: type[T]) -> T:
    values = _read_json(folder / _VALUES)
    hints = typing.get_type_hints(kind)
    known: dict[str, Any] = {}
    for field in dataclasses.fields(typing.cast(Any, kind)):
        file = folder / f"{field.name}.npy"
        if file.exists():
            mode: Any = "c" if file.stat().st_size > _IN_MEMORY else None
            known[field.name] = np.load(file, mmap_mode=mode, allow_pickle=False)
        else:
            known[field.name] = typed(hints[field.name], values[field.name], field.name)
    return kind(**known)


def _plain(value: object) -> object:
    """JSON for what else stands in the dataclasses of a shot."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return dataclasses.asdict(value)
    if isinstance(value, np.generic):
        return value.item()
    raise TypeError(f"{type(value).__name__} can't be kept in a checkpoint")


def _write_json(file: Path, value: object) -> None:
    draft = file.with_name(f"{file.name}.part")
    draft.write_text(json.dumps(value), encoding="utf-8")
    os.replace(draft, file)


def _read_json(file: Path) -> Any:
    """None where there is no such file."""
    return json.loads(file.read_text(encoding="utf-8")) if file.exists() else None
