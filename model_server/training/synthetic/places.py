"""Rooms and streets: walls and ground, light, where the camera stands, and what stands around."""

from dataclasses import dataclass

import numpy as np

from model_server.training.synthetic.affine import joined, moved, turned
from model_server.training.synthetic.camera_paths import Viewpoint
from model_server.training.synthetic.ground import Ground, reaching
from model_server.training.synthetic.materials import Materials
from model_server.training.synthetic.parts import Part, Surface, Thing, box, placed
from model_server.training.synthetic.person import person
from model_server.training.synthetic.things import (
    ball,
    bench,
    block,
    car,
    chair,
    drum,
    lamp,
    plant,
    pole,
    shelf,
    sofa,
    table,
    tree,
)

# Each with the radius of the ground that it needs, meters.
ROOM_THINGS = (
    (block, 0.55),
    (table, 0.8),
    (chair, 0.35),
    (sofa, 0.9),
    (plant, 0.35),
    (drum, 0.3),
    (ball, 0.3),
    (lamp, 0.25),
    (shelf, 0.6),
)
STREET_THINGS = (
    (block, 0.6),
    (drum, 0.35),
    (tree, 0.7),
    (tree, 0.7),
    (pole, 0.25),
    (bench, 0.8),
    (car, 2.3),
    (car, 2.3),
    (ball, 0.3),
    (plant, 0.35),
)


@dataclass(frozen=True)
class Place:
    """Everything but the camera's path and what moves."""

    street: bool
    half: np.ndarray  # (3,) of the shell, which stands on y = 0
    faces: tuple[Surface, ...]  # the shell's
    open_faces: tuple[bool, ...]
    fixtures: Thing  # on the walls
    view: Viewpoint
    light: np.ndarray  # (3,)
    light_size: float  # meters across, for soft shadows
    light_color: np.ndarray
    light_reach: float  # 0: the sun
    ambient: np.ndarray  # (2, 3) from below and above
    sky: np.ndarray  # (2, 3) at the horizon and straight above
    fog: float


def room(random: np.random.Generator, materials: Materials) -> Place:
    """A room with a lamp or a bright window."""
    half = np.array([random.uniform(1.8, 5.0), random.uniform(1.2, 1.8), random.uniform(1.8, 5.0)])
    wall = materials.wall()
    walls = [wall if random.random() < 0.7 else materials.wall() for _ in range(4)]
    faces = (walls[0], walls[1], materials.ceiling(), materials.floor(), walls[2], walls[3])
    view = _view_in(random, half, np.minimum(2 * half[1] - 0.3, random.uniform(0.6, 2.1)), half)
    by_window = random.random() < 0.4
    light = random.uniform(-0.6, 0.6, 3) * half
    light[1] = -2 * half[1] + 0.1
    if by_window:
        light = np.array([random.choice([-0.95, 0.95]) * half[0], -random.uniform(1.0, 2.0), light[2]])
    warm = random.uniform(0.0, 1.0)
    color = random.uniform(0.5, 1.4) * np.array([1.0, 0.97 - 0.15 * warm, 0.94 - 0.4 * warm])
    above = random.uniform(0.2, 0.6) * np.array([1.0, 1.0, random.uniform(0.9, 1.15)])
    return Place(
        street=False,
        half=half,
        faces=faces,
        open_faces=(False,) * 6,
        fixtures=_on_walls(random, materials, half),
        view=view,
        light=light,
        light_size=random.uniform(0.05, 0.4),
        light_color=color,
        light_reach=0.8 * float(np.linalg.norm(half)),
        ambient=np.stack([above * random.uniform(0.4, 0.8), above]),
        sky=np.ones((2, 3)),
        fog=0.0,
    )


def street(random: np.random.Generator, materials: Materials) -> Place:
    """Between two rows of houses, under the sun or an overcast sky."""
    half = np.array([random.uniform(3.5, 10.0), random.uniform(2.5, 7.0), random.uniform(14.0, 35.0)])
    ends = [random.random() < 0.6, random.random() < 0.6]
    ground = materials.ground()
    faces = (materials.front(), materials.front(), ground, ground, materials.front(), materials.front())
    view = _view_in(random, half, random.uniform(0.7, 2.2), half * [1, 1, 0.5], along_z=True)
    sunny = random.random() < 0.75
    height, round_about = random.uniform(0.35, 1.2), random.uniform(0, 2 * np.pi)
    toward = np.array([np.cos(height) * np.sin(round_about), -np.sin(height), np.cos(height) * np.cos(round_about)])
    color = (random.uniform(1.2, 2.5) if sunny else 0.15) * np.array([1.0, 0.95, random.uniform(0.7, 0.95)])
    above = random.uniform(0.4, 0.8) * np.array([random.uniform(0.75, 1.0), 0.95, 1.1])
    zenith = np.array([0.25, 0.45, 0.9]) * random.uniform(0.5, 1.2) if sunny else np.full(3, random.uniform(0.6, 1.1))
    horizon = 0.5 * zenith + random.uniform(0.3, 0.6)
    return Place(
        street=True,
        half=half,
        faces=faces,
        open_faces=(False, False, True, False, ends[0], ends[1]),
        fixtures=_houses(random, materials, half),
        view=view,
        light=90.0 * toward,
        light_size=random.uniform(0.5, 3.0),
        light_color=color,
        light_reach=0.0,
        ambient=np.stack([above * random.uniform(0.35, 0.6), above]),
        sky=np.stack([horizon, zenith]),
        fog=random.choice([0.0, random.uniform(0.0, 0.025)]),
    )


def furnished(
    random: np.random.Generator, materials: Materials, place: Place, ground: Ground, budget: int, moments: int
) -> Thing:
    """Things that stay where they are, on free ground in the picture.

    Args:
        random, materials: draw them.
        place: the room or the street.
        ground: what the camera and moving things have taken.
        budget: about how many parts.
        moments: T, for people who stand.
    """
    parts: Thing = []
    farthest = min(reaching(place.view, place.half[0], place.half[2]) * 1.1, 22.0)
    kinds = STREET_THINGS if place.street else ROOM_THINGS
    for _ in range(14):
        if len(parts) >= budget:
            break
        stands = random.random() < 0.09
        make, radius = kinds[random.integers(len(kinds))]
        radius = 0.35 if stands else radius
        nearest = 1.2 + radius * (1.5 if place.street else 1.0)
        spot = ground.seen_place(random, place.view, radius, nearest, farthest)
        if spot is None:
            continue
        if stands:
            thing = person(random, materials, random.uniform(1.5, 1.9), np.zeros(moments))
            thing = [Part(part.kind, part.world_from_local[0], part.surface, part.length) for part in thing]
        else:
            thing = make(random, materials)
        parts += placed(thing, joined(moved(spot[0], 0.0, spot[1]), turned(1, _heading(random, place, spot))))
    return parts


def _heading(random: np.random.Generator, place: Place, spot: np.ndarray) -> float:
    """Mostly square to the walls, with the back to the nearer one; cars along the street."""
    if random.random() < 0.25:
        return float(random.uniform(0, 2 * np.pi))
    if place.street:
        return float(random.choice([0.0, np.pi]) + random.normal(0, 0.05))
    gaps = (place.half[[0, 2]] - np.abs(spot)).argmin()
    return float(-np.pi / 2 * np.sign(spot[0]) if gaps == 0 else (np.pi if spot[1] > 0 else 0.0))


def _view_in(
    random: np.random.Generator, half: np.ndarray, height: float, around: np.ndarray, *, along_z: bool = False
) -> Viewpoint:
    """Away from the walls, looking where there is more room."""
    fov = random.uniform(np.radians(35), np.radians(90))
    x, z = random.uniform(-0.8, 0.8) * around[0], random.uniform(-0.85, 0.85) * around[2]
    x, z = np.sign(x) * min(abs(x), half[0] - 0.5), np.sign(z) * min(abs(z), half[2] - 0.5)
    if along_z:
        yaw = (0.0 if z < 0 else np.pi) + random.normal(0, 0.45)
    else:
        target = random.uniform(-0.6, 0.6, 2) * half[[0, 2]] - 0.6 * np.array([x, z])
        yaw = float(np.arctan2(target[0] - x, target[1] - z))
    pitch = random.uniform(-0.08, 0.12) + 0.12 * (height - 0.8)
    view = Viewpoint(np.array([x, -height, z]), float(yaw), float(pitch), float(fov), 1.0)
    depth = min(0.6 * reaching(view, half[0], half[2]), 9.0)
    return Viewpoint(view.place, view.yaw, view.pitch, view.fov, max(depth, 1.2))


def _on_walls(random: np.random.Generator, materials: Materials, half: np.ndarray) -> Thing:
    """Windows, doors, pictures and a skirting on the walls of a room."""
    parts: Thing = []
    for wall in range(4):
        turn = turned(1, wall * np.pi / 2)
        distance, length = (half[2], half[0]) if wall % 2 == 0 else (half[0], half[2])
        for _ in range(int(random.integers(0, 4))):
            across = random.uniform(-0.8, 0.8) * length
            kind = random.random()
            if kind < 0.35:
                size, height = (random.uniform(0.8, 1.8), random.uniform(0.8, 1.3)), 1.5
                things = [box(materials.bright(random.uniform(0.5, 1.6)), (*size, 0.04), (across, -height, distance))]
                things.append(
                    box(materials.paint(), (size[0] + 0.1, 0.06, 0.16), (across, -height + size[1] / 2, distance))
                )
            elif kind < 0.55:
                things = [box(materials.wood(), (0.9, 2.0, 0.08), (across, -1.0, distance))]
            else:
                size = (random.uniform(0.4, 1.4), random.uniform(0.4, 1.0))
                look = materials.photo((0.6, 1.4)) if random.random() < 0.7 else materials.any()
                things = [box(look, (*size, 0.06), (across, -random.uniform(1.3, 1.7), distance))]
            parts += placed(things, turn)
    return parts


def _houses(random: np.random.Generator, materials: Materials, half: np.ndarray) -> Thing:
    """Houses that stand out of their row, and pavements."""
    parts: Thing = []
    for side in (-1, 1):
        if random.random() < 0.6:
            wide = random.uniform(1.0, 2.0)
            parts.append(box(materials.ground(), (wide, 0.14, 2 * half[2]), (side * (half[0] - wide / 2), -0.07, 0)))
        for _ in range(int(random.integers(0, 3))):
            size = (random.uniform(0.6, 2.0), random.uniform(1.5, 2.0) * half[1], random.uniform(4, 9))
            spot = (side * (half[0] - size[0] / 2), -size[1] / 2, random.uniform(-0.8, 0.8) * half[2])
            parts.append(box(materials.front(), size, spot))
    return parts
