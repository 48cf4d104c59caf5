"""What the extension reads from `manifest.json` of a result package; keys that it does not know are ignored."""

import json
import math
import re
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

from .errors import PackageError
from .lens import Distortion

FORMAT_NAME, MAJOR = "page4d", 1
_MANIFEST_LIMIT = 64 << 20  # bytes; a manifest of 10,000 mattes has 3 MB
_MOST_ASSUMPTIONS, _LONGEST_ASSUMPTION = 20, 300  # letters
_SIDE_LIMIT = 65536  # pixels; Blender renders no larger picture
_SOLVE_AGAIN = "solve the footage again, or copy the whole package again"


@dataclass(frozen=True)
class ClipFacts:
    """The footage that was solved."""

    name: str
    path: str  # a hint: the first file, relative to the folder that holds the package where it lies in there
    file_names: tuple[str, ...]
    width: int  # rotation metadata applied
    height: int
    fps: Fraction
    frames: int


@dataclass(frozen=True)
class FootageFromModel:
    """`footage pixel = model pixel * scale + offset`, each (x, y)."""

    scale: tuple[float, float]
    offset: tuple[float, float]


@dataclass(frozen=True)
class LayerFacts:
    """One moving thing; `first` and `last` are the footage's own frame numbers."""

    id: int
    name: str
    first: int
    last: int


@dataclass(frozen=True)
class FileFacts:
    dtype: str
    shape: tuple[int, ...]
    bytes: int


@dataclass(frozen=True)
class Manifest:
    clip: ClipFacts
    model_width: int
    model_height: int
    footage_from_model: FootageFromModel
    distortion: Distortion
    varying_focal: bool
    up: tuple[float, ...]  # unit vector in the solver's world
    floor: tuple[float, ...] | None  # a, b, c, d with a x + b y + c z + d = 0
    median_px: float | None
    assumptions: tuple[str, ...]  # what the solve took for granted, and what it warns of, in words
    layers: tuple[LayerFacts, ...]  # the moving things; the background is not among them
    files: dict[str, FileFacts]


def read_manifest(file: Path) -> Manifest:
    """Read and check a manifest of this major version.

    Raises:
        PackageError: it is missing, not JSON, of another major version, or says what can't be.
    """
    try:
        if file.stat().st_size > _MANIFEST_LIMIT:
            raise PackageError(f"{file} is too large to be a manifest", hint=_SOLVE_AGAIN)
        found = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise PackageError(
            f"{file.parent} is not a whole result package: manifest.json is missing",
            hint="pick the folder that ends in .page4d; if the solve was cut off, run it again",
        ) from error
    except (OSError, ValueError, RecursionError) as error:
        raise PackageError(f"{file} can't be read: {error}", hint=_SOLVE_AGAIN) from error
    root = _Fields(found, "manifest")
    _check_format(root.fields("format"))
    try:
        return _manifest(root)
    except (OverflowError, ZeroDivisionError) as error:
        raise PackageError(f"the manifest holds an impossible number: {error}", hint=_SOLVE_AGAIN) from error


def _check_format(found: "_Fields") -> None:
    name, major = found.text("name"), found.integer("major", 0)
    if name != FORMAT_NAME:
        raise PackageError(f"this is a package of {name!r:.60}, not of Page4D", hint="pick a folder made by Page4D")
    if major != MAJOR:
        hint = "update the extension" if major > MAJOR else "solve the footage again with today's server"
        raise PackageError(f"the package has format {major}; this extension reads format {MAJOR}", hint=hint)


def _manifest(root: "_Fields") -> Manifest:
    clip, pixels, lens = root.fields("clip"), root.fields("pixels"), root.fields("lens")
    mapping = pixels.fields("footage_from_model")
    scale, offset = mapping.numbers("scale", 2), mapping.numbers("offset", 2)
    up = root.numbers("up", 3)
    floor = root.numbers("floor", 4) if root.has("floor") else None
    if min(scale) <= 0 or not any(up) or (floor is not None and not any(floor[:3])):
        raise PackageError(f"the manifest's scale {scale}, up {up} or floor {floor} is impossible", hint=_SOLVE_AGAIN)
    numerator, denominator = (entry.integer("fps", 1) for entry in clip.entries("fps", 2))
    solve = root.fields("solve")
    return Manifest(
        clip=ClipFacts(
            name=_name(clip.text("name")),
            path=clip.text("path"),
            file_names=tuple(entry.text("name") for entry in clip.list_of_fields("files")),
            width=clip.integer("width", 1, _SIDE_LIMIT),
            height=clip.integer("height", 1, _SIDE_LIMIT),
            fps=Fraction(numerator, denominator),
            frames=clip.integer("frames", 1),
        ),
        model_width=pixels.integer("width", 1, _SIDE_LIMIT),
        model_height=pixels.integer("height", 1, _SIDE_LIMIT),
        footage_from_model=FootageFromModel((scale[0], scale[1]), (offset[0], offset[1])),
        distortion=Distortion(lens.number("k1"), lens.number("k2"), lens.number("k3")),
        varying_focal=lens.boolean("varying_focal"),
        up=up,
        floor=floor,
        median_px=solve.number("median_px") if solve.has("median_px") else None,
        assumptions=_assumptions(solve),
        layers=_layers(root.list_of_fields("layers")),
        files={path: _file_facts(facts) for path, facts in root.fields("files").items()},
    )


def _assumptions(solve: "_Fields") -> tuple[str, ...]:
    if not solve.has("assumptions"):
        return ()
    said = [entry.text("assumptions") for entry in solve.entries("assumptions")[:_MOST_ASSUMPTIONS]]
    return tuple(line for words in said if (line := _one_line(words, _LONGEST_ASSUMPTION)))


def _layers(found: list["_Fields"]) -> tuple[LayerFacts, ...]:
    layers = []
    for entry in found:
        frames = tuple(end.integer("frames") for end in entry.entries("frames", 2))
        name = _name(entry.text("name"))
        layers.append(LayerFacts(entry.integer("id", 0, 255), name, frames[0], frames[1]))
    ids = [layer.id for layer in layers]
    if len(set(ids)) < len(ids):
        raise PackageError(f"the manifest gives a layer's number twice: {ids}", hint=_SOLVE_AGAIN)
    return tuple(layer for layer in layers if layer.id)


def _file_facts(found: "_Fields") -> FileFacts:
    shape = tuple(side.integer("shape", 0) for side in found.entries("shape"))
    return FileFacts(found.text("dtype"), shape, found.integer("bytes", 0))


def _name(text: str) -> str:
    """Names come from file names and from artists: short enough for Blender's 63 bytes, and never empty."""
    return _one_line(text, 40) or "unnamed"


def _one_line(text: str, longest: int) -> str:
    """No control characters, and so many letters at most."""
    return re.sub(r"[\x00-\x1f\x7f]", " ", text).strip()[:longest]


class _Fields:
    """One JSON object whose values are asked for by type."""

    def __init__(self, value: object, where: str) -> None:
        if not isinstance(value, dict):
            raise PackageError(f"{where} is {value!r:.60}, not an object", hint=_SOLVE_AGAIN)
        self._value, self._where = value, where

    def has(self, key: str) -> bool:
        return self._value.get(key) is not None

    def items(self) -> list[tuple[str, "_Fields"]]:
        return [(key, _Fields(value, f"{self._where}.{key}")) for key, value in self._value.items()]

    def fields(self, key: str) -> "_Fields":
        return _Fields(self._get(key, dict), f"{self._where}.{key}")

    def list_of_fields(self, key: str) -> list["_Fields"]:
        return [_Fields(value, f"{self._where}.{key}") for value in self._get(key, list)]

    def entries(self, key: str, count: int | None = None) -> list["_Fields"]:
        """The entries of a list, each to be asked for under the same key."""
        values = self._get(key, list)
        if count is not None and len(values) != count:
            raise self._wrong(key, f"a list of {count}")
        return [_Fields({key: value}, f"{self._where}.{key}") for value in values]

    def text(self, key: str) -> str:
        return str(self._get(key, str))

    def boolean(self, key: str) -> bool:
        return bool(self._get(key, bool))

    def integer(self, key: str, low: int = -(2**31), high: int = 2**53) -> int:
        value = self._get(key, int)
        if isinstance(value, bool) or not low <= value <= high:
            raise self._wrong(key, f"a whole number from {low} to {high}")
        return int(value)

    def number(self, key: str) -> float:
        value = self._get(key, (int, float))
        if isinstance(value, bool) or not math.isfinite(value):
            raise self._wrong(key, "a number")
        return float(value)

    def numbers(self, key: str, count: int) -> tuple[float, ...]:
        return tuple(entry.number(key) for entry in self.entries(key, count))

    def _get(self, key: str, kinds: type | tuple[type, ...]) -> Any:
        value = self._value.get(key)
        if not isinstance(value, kinds):
            raise self._wrong(key, " or ".join(k.__name__ for k in (kinds if isinstance(kinds, tuple) else (kinds,))))
        return value

    def _wrong(self, key: str, wanted: str) -> PackageError:
        found = f"{self._value[key]!r:.60}" if key in self._value else "missing"
        return PackageError(f"{self._where}.{key} is {found}, not {wanted}", hint=_SOLVE_AGAIN)
