"""Which arrays a result package holds, and the one way to name a file inside it."""

import re
from dataclasses import dataclass
from pathlib import PurePosixPath

from model_server.errors import BadInput


class BadPackage(BadInput):
    """A folder is not a package that this version can read."""

    status, code = 422, "bad_package"


@dataclass(frozen=True)
class ArraySpec:
    """Letters stand for sizes that agree over the package: F frames, H x W model size, and free ones."""

    dtype: str
    shape: tuple[int | str, ...]


ARRAYS = {
    "cameras/camera_from_world.npy": ArraySpec("float64", ("F", 4, 4)),
    "cameras/intrinsics.npy": ArraySpec("float64", ("F", 3, 3)),
    "cameras/frame_numbers.npy": ArraySpec("int32", ("F",)),
    "cameras/status.npy": ArraySpec("uint8", ("F",)),
    "cameras/reprojection_px.npy": ArraySpec("float32", ("F",)),
    "images.npy": ArraySpec("uint8", ("F", "H", "W", 3)),
    "depth.npy": ArraySpec("float32", ("F", "H", "W")),
    "confidence.npy": ArraySpec("float16", ("F", "H", "W")),
    "moving.npy": ArraySpec("uint8", ("F", "H", "W")),
    "layers.npy": ArraySpec("uint8", ("F", "H", "W")),
    "background/positions.npy": ArraySpec("float32", ("P", 3)),
    "background/colors.npy": ArraySpec("uint8", ("P", 3)),
    "tracks/positions.npy": ArraySpec("float32", ("N", 3)),
    "tracks/observations.npy": ArraySpec("float32", ("M", 4)),
}

# Allow-list: `..`, absolute paths, drive letters, backslashes and control characters can't be spelled in it.
_PART = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")


def inside(path: str) -> PurePosixPath:
    """A path from a manifest or a request, proven to stay inside the package's folder.

    Raises:
        BadPackage: it is absolute, climbs with `..` or has characters that no file of a package has.
    """
    parts = path.split("/")
    if len(path) > 200 or not all(_PART.fullmatch(part) for part in parts):
        raise BadPackage(f"{path!r:.200} can't name a file of a package", hint="solve the footage again")
    return PurePosixPath(*parts)


def agreed_sizes(shapes: dict[str, tuple[int, ...]]) -> dict[str, int]:
    """The sizes that the letters of `ARRAYS` stand for; every array of the layout must be among `shapes`.

    Raises:
        BadPackage: an array is missing, has another rank, or disagrees with another one.
    """
    sizes: dict[str, int] = {}
    for path, spec in ARRAYS.items():
        shape = shapes.get(path)
        if shape is None:
            raise BadPackage(f"{path} is missing", hint="solve the footage again")
        fits = len(shape) == len(spec.shape) and all(
            actual == (sizes.setdefault(wanted, actual) if isinstance(wanted, str) else wanted)
            for actual, wanted in zip(shape, spec.shape)
        )
        if not fits:
            raise BadPackage(f"{path} has the shape {shape}, not {spec.shape} with {sizes}", hint="solve it again")
    return sizes
