"""Parts that things are put together from."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from model_server.training.synthetic.affine import along, joined, moved, sized
from model_server.training.synthetic.scene import Kind


@dataclass(frozen=True)
class Surface:
    """What a part looks like."""

    tile: int
    meters: float  # how large one tile is
    color: np.ndarray  # (3, 4) sRGB from (texture, 1)
    glow: float = 0.0


@dataclass(frozen=True)
class Part:
    """One solid. A thing's own space has its middle at x = z = 0 and stands on y = 0; up is -y."""

    kind: Kind
    world_from_local: np.ndarray  # (3, 4), or (T, 3, 4) where it changes
    surface: Surface
    length: float = 0.0  # of a capsule, in radii
    moves: bool = False


Thing = list[Part]


def box(surface: Surface, size: Sequence[float], middle: Sequence[float]) -> Part:
    """A box of full `size` around `middle`."""
    return _shaped(Kind.BOX, surface, size, middle)


def ellipsoid(surface: Surface, size: Sequence[float], middle: Sequence[float]) -> Part:
    """An ellipsoid of full `size` around `middle`."""
    return _shaped(Kind.ELLIPSOID, surface, size, middle)


def cylinder(surface: Surface, size: Sequence[float], middle: Sequence[float]) -> Part:
    """An upright cylinder of full `size` around `middle`."""
    return _shaped(Kind.CYLINDER, surface, size, middle)


def capsule(surface: Surface, start: np.ndarray, end: np.ndarray, radius: float) -> Part:
    """From one point (3,) or (T, 3) to another; their distance must not change."""
    distance = float(np.linalg.norm(np.asarray(end) - np.asarray(start), axis=-1).max())
    return Part(Kind.CAPSULE, along(np.asarray(start), np.asarray(end), radius), surface, distance / 2 / radius)


def placed(thing: Thing, world_from_thing: np.ndarray, *, moves: bool = False) -> Thing:
    """The thing elsewhere, or, with (T, 3, 4), on its way."""
    return [
        replace(part, world_from_local=joined(world_from_thing, part.world_from_local), moves=moves) for part in thing
    ]


def _shaped(kind: Kind, surface: Surface, size: Sequence[float], middle: Sequence[float]) -> Part:
    return Part(kind, joined(moved(*middle), sized(*(side / 2 for side in size))), surface)
