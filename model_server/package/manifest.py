"""What `manifest.json` of a result package says, as types; DESIGN.md, "Result package", is the contract.

Standard library only, so that Blender's own Python can import it too.
"""

import dataclasses
from dataclasses import dataclass, field
from typing import Any

from model_server.package.typed_json import typed

FORMAT_NAME = "page4d"
MAJOR, MINOR = 1, 0
MANIFEST_NAME = "manifest.json"


@dataclass(frozen=True)
class Format:
    name: str = FORMAT_NAME
    major: int = MAJOR
    minor: int = MINOR


@dataclass(frozen=True)
class MadeBy:
    server: str  # version
    engine: str
    weights: str | None = None
    weights_sha256: str | None = None
    weights_license: str | None = None


@dataclass(frozen=True)
class ClipFile:
    name: str  # no folders
    sha256: str


@dataclass(frozen=True)
class ClipFacts:
    name: str
    path: str  # a hint: the first file, relative to the folder that holds the package where it lies in there
    files: tuple[ClipFile, ...]
    width: int  # footage size, rotation metadata applied
    height: int
    pixel_aspect: float
    fps: tuple[int, int]  # numerator, denominator
    first_frame: int  # the footage's own number
    frames: int  # how many were solved


@dataclass(frozen=True)
class FootageFromModel:
    """`footage pixel = model pixel * scale + offset`, each (x, y)."""

    scale: tuple[float, float]
    offset: tuple[float, float]


@dataclass(frozen=True)
class Pixels:
    width: int  # model size
    height: int
    footage_from_model: FootageFromModel


@dataclass(frozen=True)
class LensFacts:
    model: str  # "pinhole" | "brown"
    k1: float
    k2: float
    k3: float
    varying_focal: bool


@dataclass(frozen=True)
class Scale:
    metric: bool = False


@dataclass(frozen=True)
class SolveFacts:
    mode: str  # "free" | "tripod" | "zoom"
    median_px: float | None  # None where nothing was measured
    mean_px: float | None
    points: int
    focal_sigma_px: float | None
    cuts: tuple[int, ...]  # frame numbers that a cut stands before
    assumptions: tuple[str, ...]  # in words
    seconds: dict[str, float]  # by stage


@dataclass(frozen=True)
class MotionFacts:
    source: str  # "network" | "geometry" | "both" | "mattes"


@dataclass(frozen=True)
class LayerFacts:
    id: int  # its value in layers.npy; 0 is the background
    name: str
    frames: tuple[int, int]  # first and last that show it, the footage's own numbers


@dataclass(frozen=True)
class FileFacts:
    dtype: str  # numpy's name; "uint8" for a matte
    shape: tuple[int, ...]  # (FH, FW) for a matte
    bytes: int
    sha256: str


@dataclass(frozen=True)
class Manifest:
    made_by: MadeBy
    clip: ClipFacts
    pixels: Pixels
    lens: LensFacts
    scale: Scale
    up: tuple[float, float, float]  # unit vector in world, best guess
    floor: tuple[float, float, float, float] | None  # a x + b y + c z + d = 0, (a, b, c) towards `up`
    solve: SolveFacts
    motion: MotionFacts
    layers: tuple[LayerFacts, ...]
    files: dict[str, FileFacts] = field(default_factory=dict)  # by path inside the package, "/" between folders
    format: Format = Format()

    def as_json(self) -> dict[str, Any]:
        values = dataclasses.asdict(self)
        return {"format": values.pop("format"), **values}  # first, for whoever opens the file

    @staticmethod
    def from_json(value: object) -> "Manifest":
        """Read what `json.loads` gave; keys that are not known are ignored.

        Raises:
            ValueError: a key is missing or of another type; the message names it.
        """
        return typed(Manifest, value, "manifest")
