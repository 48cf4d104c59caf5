"""The files of a dataset under its root: found, read without running anything they hold, and named where they fail."""

import gzip
import json
import zipfile
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import OpenImageIO as oiio
from numpy.lib.npyio import NpzFile
from numpy.typing import NDArray

from model_server.errors import BadInput

_UNREADABLE = (OSError, ValueError, EOFError, KeyError, zlib.error, zipfile.BadZipFile)


@dataclass(frozen=True)
class DatasetFiles:
    """What every method raises for a file that is missing or damaged is a BadInput of one line, with its path."""

    dataset: str  # as published: "MPI Sintel"
    root: Path
    layout: str  # how a sequence is laid out, in one line
    page: str  # where it is published

    def sequence_folders(self, pattern: str, *marks: str) -> tuple[Path, ...]:
        """Folders under the root that match `pattern`, in order; where there are `marks`, those that hold one.

        Raises:
            BadInput: there is none.
        """
        folders = sorted(path for path in self.root.glob(pattern) if path.is_dir())
        found = tuple(folder for folder in folders if not marks or any(any(folder.glob(mark)) for mark in marks))
        if not found:
            raise BadInput(f"there is no {self.dataset} sequence in '{self.root}'", hint=self._hint())
        return found

    def names(self, sequence: str, folder: Path, pattern: str) -> tuple[str, ...]:
        """Names of the files in that folder that match, in order; at least one."""
        names = tuple(sorted(path.name for path in folder.glob(pattern)))
        if not names:
            raise self.missing(sequence, folder / pattern)
        return names

    def require(self, sequence: str, folder: Path, names: Iterable[str]) -> None:
        """That the folder has all these; the first that it lacks is named."""
        there = {path.name for path in folder.iterdir()} if folder.is_dir() else set()
        for name in names:
            if name not in there:
                raise self.missing(sequence, folder / name)

    def image(self, sequence: str, path: Path) -> NDArray[np.uint8]:
        """(H, W, 3) sRGB, as stored: not turned by what a photograph says of its orientation."""
        pixels = self._pixels(sequence, path, cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION)
        return np.ascontiguousarray(pixels[..., ::-1])

    def mask(self, sequence: str, path: Path) -> NDArray[np.bool_]:
        """(H, W): where a black-and-white image is white."""
        return self._pixels(sequence, path, cv2.IMREAD_GRAYSCALE | cv2.IMREAD_IGNORE_ORIENTATION) > 127

    def png16(self, sequence: str, path: Path) -> NDArray[np.uint16]:
        """(H, W) of an image of one 16-bit channel."""
        pixels = self._pixels(sequence, path, cv2.IMREAD_UNCHANGED)
        if pixels.dtype != np.uint16 or pixels.ndim != 2:
            raise self.damaged(sequence, path, "it is not an image of one 16-bit channel")
        return pixels

    def depth(
        self, sequence: str, path: Path, stored: NDArray[Any], image: NDArray[np.uint8], per_unit: float = 1
    ) -> NDArray[np.float32]:
        """(H, W) stored depth in the dataset's unit, 0 where it is not known: not finite, zero or less.

        `path` is where it was stored, `per_unit` how many stored steps a unit has.
        """
        if stored.shape != image.shape[:2]:
            found, wanted = [" x ".join(map(str, shape[::-1])) for shape in (stored.shape, image.shape[:2])]
            raise self.damaged(sequence, path, f"it is {found}, its image {wanted}")
        with np.errstate(over="ignore"):
            depth = (stored / per_unit).astype(np.float32)
        depth[~np.isfinite(depth) | (depth <= 0)] = 0
        return depth

    def float_image(self, sequence: str, path: Path) -> NDArray[np.float32]:
        """(H, W) of a tiff or exr of one channel of floats."""
        if not path.is_file():
            raise self.missing(sequence, path)
        picture = oiio.ImageInput.open(str(path))
        if picture is None or picture.format_name() not in ("tiff", "openexr"):
            oiio.geterror()
            raise self.damaged(sequence, path, "it is no image")
        try:
            is_float = picture.spec().nchannels == 1 and str(picture.spec().format) in ("half", "float")
            pixels = picture.read_image("float") if is_float else None
        finally:
            picture.close()
        if pixels is None:
            raise self.damaged(sequence, path, "it is not an image of one channel of floats")
        return np.asarray(pixels)[..., 0]

    def hdf5(self, sequence: str, path: Path, name: str) -> NDArray[Any]:
        """The data set of that name in an HDF5 file."""
        if not path.is_file():
            raise self.missing(sequence, path)
        try:
            import h5py
        except ImportError as error:
            raise BadInput(f"{self.dataset} can't be read without h5py", hint="pip install page4d[training]") from error
        try:
            with h5py.File(path, "r") as stored:
                return np.asarray(stored[name])
        except _UNREADABLE as error:
            raise self.damaged(sequence, path, f"it is no HDF5 file with '{name}'") from error

    def listed(self, sequence: str, listing: Path, name: str) -> Path:
        """Where a file lies that a listing names, from the folder of the listing on; it must not lead out of there."""
        if ".." in Path(name).parts or Path(name).is_absolute():
            raise self.damaged(sequence, listing, f"it names '{name}', which is not in its folder")
        return listing.parent / name

    def content(self, sequence: str, path: Path) -> bytes:
        """All bytes of the file."""
        if not path.is_file():
            raise self.missing(sequence, path)
        return path.read_bytes()

    def lines(self, sequence: str, path: Path) -> list[list[str]]:
        """The words of each line of a text file; lines that begin with # and empty ones are left out."""
        lines = self.content(sequence, path).decode("utf-8", errors="replace").replace(",", " ").splitlines()
        return [line.split() for line in lines if line.strip() and not line.startswith("#")]

    def numbers(self, sequence: str, path: Path, columns: int) -> NDArray[np.float64]:
        """(lines, columns) of a text file of numbers."""
        try:
            table = np.array([[float(word) for word in line] for line in self.lines(sequence, path)])
        except ValueError as error:
            raise self.damaged(sequence, path, "a line of it holds other than numbers") from error
        if table.ndim != 2 or table.shape[1] != columns:
            raise self.damaged(sequence, path, f"it has no {columns} numbers a line")
        return table

    def json(self, sequence: str, path: Path) -> Any:
        """What a JSON file holds; one whose name ends with gz is unpacked."""
        content = self.content(sequence, path)
        try:
            return json.loads(gzip.decompress(content) if path.suffix.endswith("gz") else content)
        except _UNREADABLE as error:
            raise self.damaged(sequence, path, "it is no JSON") from error

    def npy(self, sequence: str, path: Path) -> NDArray[Any]:
        """The array; one that needs pickle is damaged."""
        return self._arrays(sequence, path, None)[0]

    def npz(self, sequence: str, path: Path, names: Sequence[str]) -> list[NDArray[Any]]:
        """Those arrays of the archive; the others are not read."""
        return self._arrays(sequence, path, names)

    def missing(self, sequence: str, path: Path) -> BadInput:
        """The error for a file that is not there."""
        return BadInput(f"{self.dataset} sequence '{sequence}' has no '{self._shown(path)}'", hint=self._hint())

    def damaged(self, sequence: str, path: Path, reason: str) -> BadInput:
        """The error for a file that can't be used."""
        return BadInput(
            f"'{self._shown(path)}' of {self.dataset} sequence '{sequence}' can't be read: {reason}",
            hint=f"download it again from {self.page}",
        )

    def _pixels(self, sequence: str, path: Path, flags: int) -> NDArray[Any]:
        content = np.frombuffer(self.content(sequence, path), np.uint8)
        try:
            pixels = cv2.imdecode(content, flags) if len(content) else None
        except cv2.error as error:
            raise self.damaged(sequence, path, "it is no image") from error
        if pixels is None:
            raise self.damaged(sequence, path, "it is no image")
        return pixels

    def _arrays(self, sequence: str, path: Path, names: Sequence[str] | None) -> list[NDArray[Any]]:
        if not path.is_file():
            raise self.missing(sequence, path)
        try:
            stored = np.load(path, allow_pickle=False)
            if names is None:
                return [np.asarray(stored)]
            if not isinstance(stored, NpzFile):
                raise ValueError("it is no archive")
            with stored:
                return [stored[name] for name in names]
        except _UNREADABLE as error:
            wanted = "" if names is None else f" with {', '.join(names)}"
            raise self.damaged(sequence, path, f"it is no plain numpy file{wanted}") from error

    def _shown(self, path: Path) -> str:
        return path.relative_to(self.root).as_posix() if path.is_relative_to(self.root) else str(path)

    def _hint(self) -> str:
        return f"the layout is {self.layout}; it comes from {self.page}"
