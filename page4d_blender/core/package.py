"""Open a result package (DESIGN.md, "Result package, version 1") and prove that it is what it says."""

import re
from dataclasses import dataclass
from pathlib import Path
from tokenize import TokenError
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .errors import PackageError
from .manifest import FileFacts, Manifest, read_manifest

UNKNOWN = 2  # the value of `status` for a frame whose pose was not found
# What numpy lets through when a header is broken: it parses it as Python.
_UNREADABLE = (ValueError, OSError, OverflowError, EOFError, SyntaxError, TokenError, TypeError, MemoryError, KeyError)
_COPY_AGAIN = "copy the whole package again, or solve the footage again"

# Letters stand for sizes that agree over the package.
_ARRAYS: dict[str, tuple[str, tuple[int | str, ...]]] = {
    "cameras/camera_from_world.npy": ("float64", ("F", 4, 4)),
    "cameras/intrinsics.npy": ("float64", ("F", 3, 3)),
    "cameras/frame_numbers.npy": ("int32", ("F",)),
    "cameras/status.npy": ("uint8", ("F",)),
    "images.npy": ("uint8", ("F", "H", "W", 3)),
    "depth.npy": ("float32", ("F", "H", "W")),
    "confidence.npy": ("float16", ("F", "H", "W")),
    "layers.npy": ("uint8", ("F", "H", "W")),
    "background/positions.npy": ("float32", ("P", 3)),
    "background/colors.npy": ("uint8", ("P", 3)),
    "tracks/positions.npy": ("float32", ("N", 3)),
}

# Allow-list: `..`, absolute paths, drive letters, backslashes and control characters can't be spelled in it.
_PART = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")
_MATTE = re.compile(r"mattes/layer_(\d{2,3})/(\d+)\.png")


@dataclass(frozen=True)
class Package:
    """A solved shot. F frames, H x W model size; large arrays are read-only maps of their files."""

    folder: Path
    manifest: Manifest
    camera_from_world: NDArray[np.float64]  # (F, 4, 4), solver axes
    intrinsics: NDArray[np.float64]  # (F, 3, 3), footage pixels, undistorted
    frame_numbers: NDArray[np.int32]  # (F,), the footage's own, rising
    known: NDArray[np.bool_]  # (F,), false where no pose was found
    images: NDArray[np.uint8]  # (F, H, W, 3) sRGB, undistorted
    depth: NDArray[np.float32]  # (F, H, W) along the optical axis, 0 = unknown
    confidence: NDArray[np.float16]  # (F, H, W), 0..1
    layers: NDArray[np.uint8]  # (F, H, W), 0 background, 1.. things
    background_positions: NDArray[np.float32]  # (P, 3) world, solver axes
    background_colors: NDArray[np.uint8]  # (P, 3) sRGB
    track_positions: NDArray[np.float32]  # (N, 3) world, solver axes
    mattes: dict[int, dict[int, Path]]  # layer id -> frame number -> PNG in plate pixels


def open_package(folder: Path) -> Package:
    """Open a package of format 1, whichever minor version.

    Raises:
        PackageError: no whole package, another major version, a path that leaves the folder, a file that is
            missing or does not have the manifest's size, dtype and shape, or cameras that can't be.
    """
    manifest = read_manifest(folder / "manifest.json")
    files = {path: _checked_file(folder, path, facts) for path, facts in manifest.files.items()}
    arrays = _arrays(manifest, files)
    package = Package(
        folder=folder,
        manifest=manifest,
        camera_from_world=arrays["cameras/camera_from_world.npy"],
        intrinsics=arrays["cameras/intrinsics.npy"],
        frame_numbers=arrays["cameras/frame_numbers.npy"],
        known=arrays["cameras/status.npy"] != UNKNOWN,
        images=arrays["images.npy"],
        depth=arrays["depth.npy"],
        confidence=arrays["confidence.npy"],
        layers=arrays["layers.npy"],
        background_positions=arrays["background/positions.npy"],
        background_colors=arrays["background/colors.npy"],
        track_positions=arrays["tracks/positions.npy"],
        mattes=_mattes(files),
    )
    _check_cameras(package)
    return package


def _checked_file(folder: Path, path: str, facts: FileFacts) -> Path:
    if len(path) > 200 or not all(_PART.fullmatch(part) for part in path.split("/")):
        raise PackageError(f"the manifest names a file {path!r:.80} that no package has", hint=_COPY_AGAIN)
    file = (folder / path).resolve()
    if not file.is_relative_to(folder.resolve()):
        raise PackageError(f"{path} is a link out of {folder.name}", hint="copy the files themselves, not links")
    if not file.is_file():
        raise PackageError(f"{path} is missing from {folder.name}", hint=_COPY_AGAIN)
    if file.stat().st_size != facts.bytes:
        raise PackageError(f"{path} has {file.stat().st_size} bytes, not {facts.bytes}", hint=_COPY_AGAIN)
    return file


def _arrays(manifest: Manifest, files: dict[str, Path]) -> dict[str, NDArray[Any]]:
    sizes = {"F": manifest.clip.frames, "H": manifest.model_height, "W": manifest.model_width}
    arrays = {}
    for path, (dtype, shape) in _ARRAYS.items():
        if path not in files:
            raise PackageError(f"{path} is missing from the manifest", hint=_COPY_AGAIN)
        array = _load(path, files[path])
        facts = manifest.files[path]
        if str(array.dtype) != dtype or facts.dtype != dtype or array.shape != facts.shape:
            raise PackageError(
                f"{path} holds {array.dtype} {array.shape}; the manifest says {facts.dtype} {facts.shape}, "
                f"the format {dtype}",
                hint=_COPY_AGAIN,
            )
        wanted = tuple(sizes.setdefault(side, facts.shape[i]) if isinstance(side, str) and i < array.ndim else side
                       for i, side in enumerate(shape))  # fmt: skip
        if array.shape != wanted:
            raise PackageError(f"{path} has the shape {array.shape}, not {wanted}", hint=_COPY_AGAIN)
        arrays[path] = array
    return arrays


def _load(path: str, file: Path) -> NDArray[Any]:
    """A map of the file; a header that claims more than the file holds is refused before anything is allocated."""
    try:
        array: NDArray[Any] = np.load(file, mmap_mode="r", allow_pickle=False)
    except _UNREADABLE as error:
        raise PackageError(f"{path} is not an array that can be read: {error}", hint=_COPY_AGAIN) from error
    if not isinstance(array, np.ndarray) or array.flags.f_contiguous > array.flags.c_contiguous:
        raise PackageError(f"{path} is not a plain array in C order", hint=_COPY_AGAIN)
    return array


def _mattes(files: dict[str, Path]) -> dict[int, dict[int, Path]]:
    mattes: dict[int, dict[int, Path]] = {}
    for path, file in files.items():
        if match := _MATTE.fullmatch(path):
            mattes.setdefault(int(match[1]), {})[int(match[2])] = file
    return mattes


def _check_cameras(package: Package) -> None:
    """Where a pose is known it must be a rigid one, with a lens that sees; frame numbers must rise."""
    if np.any(np.diff(package.frame_numbers.astype(np.int64)) <= 0):
        raise PackageError("the package's frame numbers do not rise", hint=_COPY_AGAIN)
    if not package.known.any():
        raise PackageError("the package holds no solved camera", hint="solve the footage again with other settings")
    poses, lenses = package.camera_from_world[package.known], package.intrinsics[package.known]
    if not (np.isfinite(poses).all() and np.isfinite(lenses).all()):
        raise PackageError("a solved camera holds a value that is not a number", hint=_COPY_AGAIN)
    rotations = poses[:, :3, :3]
    rigid = np.abs(rotations @ np.swapaxes(rotations, 1, 2) - np.eye(3)).max() < 1e-3
    if not rigid or np.linalg.det(rotations).min() < 0:
        raise PackageError("a solved camera's rotation is not a rotation", hint=_COPY_AGAIN)
    if lenses[:, [0, 1], [0, 1]].min() <= 0:
        raise PackageError("a solved camera's focal length is not above 0", hint=_COPY_AGAIN)
