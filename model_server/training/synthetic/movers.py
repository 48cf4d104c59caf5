"""Things that move or change their shape: who walks, rolls, slides, drives, turns, swells, leans or bends."""

from dataclasses import dataclass

import numpy as np

from model_server.training.synthetic.affine import joined, moved, turned, with_offset
from model_server.training.synthetic.materials import Materials
from model_server.training.synthetic.parts import Thing, placed
from model_server.training.synthetic.person import person
from model_server.training.synthetic.things import ball, block, car, chair, drum, plant, stalk

ROOM_SHARES = {
    "walks": 0.46,
    "rolls": 0.1,
    "slides": 0.1,
    "turns": 0.07,
    "swells": 0.07,
    "leans": 0.06,
    "bends": 0.07,
    "flies": 0.07,
}
STREET_SHARES = {
    "walks": 0.46,
    "drives": 0.3,
    "rolls": 0.07,
    "slides": 0.05,
    "swells": 0.03,
    "bends": 0.04,
    "flies": 0.05,
}
# Square meters that a thing shows, about, from which its distance is chosen.
AREAS = {"walks": 0.75, "drives": 4.5, "bends": 0.3}
USUAL_AREA = 0.5


@dataclass(frozen=True)
class Mover:
    """A thing on its way, and the ground it needs."""

    thing: Thing
    track: np.ndarray  # (T, 2) x and z
    radius: float


def drawn_kind(random: np.random.Generator, *, street: bool) -> str:
    """What moves."""
    shares = STREET_SHARES if street else ROOM_SHARES
    return str(random.choice(list(shares), p=list(shares.values())))


def mover(
    random: np.random.Generator,
    materials: Materials,
    kind: str,
    times: np.ndarray,
    place: tuple[float, float],
    heading: float,
    seconds: float,
) -> Mover:
    """A thing that is at `place` at half time.

    Args:
        random: draws the thing and its speed.
        materials: its surfaces.
        kind: of `drawn_kind`.
        times: (T,) in frames.
        place: x and z.
        heading: 0 goes along z, positive to the right.
        seconds: between two frames.
    """
    since = (times - times.max() / 2) * seconds
    if kind == "walks":
        run = random.uniform(0.6, 1.8) * _unsteady(random, since)
        thing = person(
            random, materials, random.choice([random.uniform(1.5, 1.95), random.uniform(1.0, 1.5)], p=[0.85, 0.15]), run
        )
        return _on_its_way(random, thing, run, place, heading, 0.45)
    if kind == "drives":
        run = random.uniform(2.0, 9.0) * _unsteady(random, since)
        return _on_its_way(random, car(random, materials, run), run, place, heading, 2.2)
    if kind == "rolls":
        thing = ball(random, materials)
        radius = -float(thing[0].world_from_local[1, 3])
        run = random.uniform(0.5, 2.5) * _unsteady(random, since)
        spin = joined(moved(0, -radius, 0), joined(turned(0, -run / radius), moved(0, radius, 0)))
        return _on_its_way(random, placed(thing, spin), run, place, heading, radius)
    if kind == "bends":
        rate, phase = random.uniform(0.3, 1.2), random.uniform(0, 6.3, 5)
        bends = 0.05 + random.uniform(0.15, 0.35) * np.sin(2 * np.pi * rate * since[:, None] + np.sort(phase))
        return _standing(stalk(materials, random.uniform(0.9, 2.0), bends), place, heading, times)
    thing = (block, ball, drum, chair, plant)[random.integers(5)](random, materials)
    if kind == "slides":
        run = random.uniform(0.4, 2.0) * _unsteady(random, since)
        spin = turned(1, random.choice([0.0, random.uniform(-1.5, 1.5)]) * since)
        return _on_its_way(random, placed(thing, spin), run, place, heading, 0.6)
    if kind == "flies":
        run = random.uniform(0.6, 2.5) * _unsteady(random, since)
        lift = random.uniform(0.4, 1.6) + random.uniform(-0.4, 0.4) * np.sin(3 * since + random.uniform(0, 6.3))
        axis = int(random.integers(3))
        tumble = joined(moved(0, -lift - 0.4, 0), joined(turned(axis, random.uniform(-4, 4) * since), moved(0, 0.4, 0)))
        return _on_its_way(random, placed(thing, tumble), run, place, heading, 0.6)
    if kind == "turns":
        return _standing(
            placed(thing, turned(1, random.choice([-1, 1]) * random.uniform(0.8, 3.0) * since)), place, heading, times
        )
    wave = np.sin(2 * np.pi * random.uniform(0.4, 1.2) * since + random.uniform(0, 6.3))
    linear = np.tile(np.eye(3), (len(times), 1, 1))
    if kind == "swells":
        # A capsule must be scaled evenly, so that things that swell are made of boxes, balls and cylinders only.
        linear = linear * (1.1 + random.uniform(0.15, 0.4) * wave)[:, None, None]
        linear[:, 1] *= (1 + random.uniform(-0.2, 0.2) * wave)[:, None]
    else:
        linear[:, 0, 1] = random.uniform(0.2, 0.6) * wave
        linear[:, 2, 1] = random.uniform(-0.3, 0.3) * wave
    return _standing(placed(thing, with_offset(linear, np.zeros(3))), place, heading, times)


def _unsteady(random: np.random.Generator, since: np.ndarray) -> np.ndarray:
    """(T,) seconds, a little faster or slower on the way."""
    pull = random.uniform(-0.25, 0.25) / max(float(np.abs(since).max()), 1e-6)
    steady: np.ndarray = since + pull * since * np.abs(since)
    return steady


def _on_its_way(
    random: np.random.Generator,
    thing: Thing,
    run: np.ndarray,
    place: tuple[float, float],
    heading: float,
    radius: float,
) -> Mover:
    """Along an arc of a circle."""
    curve = random.choice([-1, 1]) * random.uniform(0.02, 0.3)
    turn = heading + curve * run
    x = place[0] - (np.cos(turn) - np.cos(heading)) / curve
    z = place[1] + (np.sin(turn) - np.sin(heading)) / curve
    pose = joined(moved(x, 0.0, z), turned(1, turn))
    return Mover(placed(thing, pose, moves=True), np.stack([x, z], -1), radius)


def _standing(thing: Thing, place: tuple[float, float], heading: float, times: np.ndarray) -> Mover:
    pose = joined(moved(place[0], 0.0, place[1]), turned(1, heading))
    return Mover(placed(thing, pose, moves=True), np.tile(np.asarray(place), (len(times), 1)), 0.7)
