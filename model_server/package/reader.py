"""Open a result package and prove that it is what its manifest says. Standard library and numpy only."""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from model_server.package.layout import ARRAYS, BadPackage, agreed_sizes, inside
from model_server.package.manifest import FORMAT_NAME, MAJOR, MANIFEST_NAME, Manifest

_MANIFEST_LIMIT = 64 << 20  # bytes; a manifest of 10,000 mattes has 3 MB


@dataclass(frozen=True)
class Package:
    """A package that was opened and checked: sizes, shapes and dtypes of its files are those of the manifest."""

    folder: Path
    manifest: Manifest

    def array(self, path: str) -> NDArray[Any]:
        """One array of the layout, memory-mapped and read-only."""
        return _load(self.folder / inside(path))

    def verify(self) -> None:
        """Hash every file.

        Raises:
            BadPackage: a file is not the one that was written.
        """
        for path, facts in self.manifest.files.items():
            with (self.folder / inside(path)).open("rb") as stream:
                if hashlib.file_digest(stream, "sha256").hexdigest() != facts.sha256:
                    raise BadPackage(f"{path} was changed after it was written", hint="solve the footage again")


def read_package(folder: Path) -> Package:
    """Open a package of this major version.

    Raises:
        BadPackage: no whole package, another major version, a path that leaves the folder, a file that is missing or
            does not have the manifest's size, dtype and shape.
    """
    manifest = _read_manifest(folder / MANIFEST_NAME)
    root = folder.resolve()
    for path, facts in manifest.files.items():
        file = (folder / inside(path)).resolve()
        if not file.is_relative_to(root) or not file.is_file():
            raise BadPackage(f"{path} is missing from {folder.name}", hint="copy the whole folder again")
        if file.stat().st_size != facts.bytes:
            raise BadPackage(f"{path} has {file.stat().st_size} bytes, not {facts.bytes}", hint="copy it again")
        spec = ARRAYS.get(path)
        if spec is not None:
            array = _load(file)
            if str(array.dtype) != spec.dtype or facts.dtype != spec.dtype or array.shape != facts.shape:
                raise BadPackage(f"{path} holds {array.dtype} {array.shape}, not {facts.dtype} {facts.shape}")
    sizes = agreed_sizes({path: facts.shape for path, facts in manifest.files.items()})
    if (sizes["F"], sizes["H"], sizes["W"]) != (manifest.clip.frames, manifest.pixels.height, manifest.pixels.width):
        raise BadPackage(f"the manifest's frames and size are not those of its arrays, {sizes}")
    return Package(folder, manifest)


def _read_manifest(file: Path) -> Manifest:
    try:
        if file.stat().st_size > _MANIFEST_LIMIT:
            raise BadPackage(f"{file} has {file.stat().st_size} bytes, too many for a manifest")
        value = json.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise BadPackage(f"{file.parent} is not a whole package: no {MANIFEST_NAME}", hint="solve it again") from error
    except ValueError as error:
        raise BadPackage(f"{file} is not JSON: {error}", hint="solve the footage again") from error
    name, major = _format_of(value)
    if name != FORMAT_NAME or major != MAJOR:
        raise BadPackage(f"{file} is {name!r:.40} version {major!r:.10}; this reads {FORMAT_NAME} {MAJOR}")
    try:
        return Manifest.from_json(value)
    except ValueError as error:
        raise BadPackage(f"{file}: {error}", hint="solve the footage again") from error


def _format_of(value: object) -> tuple[object, object]:
    head = value.get("format") if isinstance(value, dict) else None
    return (head.get("name"), head.get("major")) if isinstance(head, dict) else (None, None)


def _load(file: Path) -> NDArray[Any]:
    try:
        array: NDArray[Any] = np.load(file, mmap_mode="r", allow_pickle=False)
    except (ValueError, EOFError, OSError) as error:
        raise BadPackage(f"{file.name} can't be read: {error}", hint="solve the footage again") from error
    return array
