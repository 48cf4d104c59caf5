"""Write a result package so that a half-written one is never seen as whole.

Everything goes to a hidden draft folder beside the target, `.<name>.draft`; its manifest comes last, under another
name, and is renamed. Only then does the draft take the target's place. A package that was there before stays whole
until that moment; a crash leaves either it or nothing, and a draft that the next writer removes.

Standard library and numpy only, so that Blender's own Python can import it too.
"""

import contextlib
import hashlib
import json
import os
import shutil
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from model_server.errors import BadInput, ServerError
from model_server.package.layout import ARRAYS, agreed_sizes, inside
from model_server.package.manifest import FORMAT_NAME, MANIFEST_NAME, FileFacts, Manifest

_CHUNK = 1 << 20


class NotOurFolder(BadInput):
    """The place for the package is taken by something else."""

    code = "not_a_package"


class PackageWriter:
    """Context manager: `with PackageWriter(target) as writer: writer.add_array(...); writer.finish(manifest)`.

    Leaving it without `finish` removes the draft and leaves the target as it was.

    Raises:
        NotOurFolder: `target` exists and is neither a package nor an empty folder.
    """

    def __init__(self, target: Path) -> None:
        check_target(target)
        self._target = target
        self.folder = target.with_name(f".{target.name}.draft")
        self._files: dict[str, FileFacts] = {}

    def __enter__(self) -> "PackageWriter":
        self._target.parent.mkdir(parents=True, exist_ok=True)
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)

    def add_array(self, path: str, array: NDArray[Any], factor: float = 1.0) -> None:
        """Stream an array of the layout to disk, one entry of its first axis at a time; it may be a memmap.

        Args:
            factor: what every value is multiplied with on the way.

        Raises:
            ServerError: `path` is not in the layout, or the dtype is another one.
        """
        spec = ARRAYS.get(path)
        if spec is None or array.dtype != np.dtype(spec.dtype):
            raise ServerError(f"{path} can't be {array.dtype}; the layout wants {spec}")
        file = self.folder / inside(path)
        file.parent.mkdir(parents=True, exist_ok=True)
        with file.open("wb") as stream:
            header = {"descr": np.lib.format.dtype_to_descr(array.dtype), "fortran_order": False, "shape": array.shape}
            np.lib.format.write_array_header_1_0(stream, header)
            if array.ndim > 2:
                for entry in array:
                    stream.write(_times(entry, factor).data)
            elif array.size:
                stream.write(_times(array, factor).data)
        self._files[path] = FileFacts(str(array.dtype), array.shape, *_size_and_hash(file))

    def add_mattes(self, height: int, width: int) -> None:
        """Take up every `mattes/layer_NN/<frame>.png` that was written into `folder`, at footage size."""
        for file in sorted(self.folder.glob("mattes/*/*.png")):
            path = file.relative_to(self.folder).as_posix()
            self._files[str(inside(path))] = FileFacts("uint8", (height, width), *_size_and_hash(file))

    def finish(self, manifest: Manifest) -> None:
        """Write the manifest, `files` filled in, and put the package in its place.

        Raises:
            BadPackage: an array is missing or the shapes disagree.
            NotOurFolder: something else took the target's place meanwhile.
        """
        sizes = agreed_sizes({path: facts.shape for path, facts in self._files.items()})
        model_size = manifest.pixels.width, manifest.pixels.height
        if (sizes["W"], sizes["H"]) != model_size or sizes["F"] != manifest.clip.frames:
            raise ServerError(f"manifest of {manifest.clip.frames} frames of {model_size}, arrays of {sizes}")
        text = json.dumps(replace(manifest, files=self._files).as_json(), indent=2, allow_nan=False)
        draft = self.folder / f"{MANIFEST_NAME}.part"
        with draft.open("w", encoding="utf-8") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(draft, self.folder / MANIFEST_NAME)
        _take_place(self.folder, self._target)


def _times(array: NDArray[Any], factor: float) -> NDArray[Any]:
    """Contiguous, of the same dtype."""
    return np.ascontiguousarray(array if factor == 1.0 else (array * factor).astype(array.dtype))


def check_target(target: Path) -> None:
    """Refuse to write where a user's own files are.

    Raises:
        NotOurFolder: `target` exists and is neither a package nor an empty folder.
    """
    if not target.exists() and not target.is_symlink():
        return
    if target.is_dir() and (is_package(target) or not any(target.iterdir())):
        return
    raise NotOurFolder(f"{target} exists and is not a package of Page4D", hint="give another name after --out")


def is_package(folder: Path) -> bool:
    """Whether `folder` holds a whole package of any version."""
    with contextlib.suppress(OSError, ValueError, AttributeError):
        manifest = json.loads((folder / MANIFEST_NAME).read_text(encoding="utf-8"))
        return bool(manifest.get("format", {}).get("name") == FORMAT_NAME)
    return False


def _take_place(draft: Path, target: Path) -> None:
    check_target(target)
    old = target.with_name(f".{target.name}.old")
    shutil.rmtree(old, ignore_errors=True)
    if target.exists():
        try:
            os.rename(target, old)
        except OSError as error:  # on Windows an open file keeps its folder
            raise NotOurFolder(f"{target} is in use: {error}", hint="close it in Blender, then try again") from error
    os.rename(draft, target)
    shutil.rmtree(old, ignore_errors=True)


def _size_and_hash(file: Path) -> tuple[int, str]:
    digest, size = hashlib.sha256(), 0
    with file.open("rb") as stream:
        while chunk := stream.read(_CHUNK):
            digest.update(chunk)
            size += len(chunk)
    return size, digest.hexdigest()
