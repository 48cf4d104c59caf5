"""One ray at a time in plain Python floats: the slow twin of the renderer's geometry."""

import math

import numpy as np

from model_server.training.synthetic.scene import Kind, Scene

PARALLEL = 1e-14


def first_entry(kind: Kind, origin, direction, length: float) -> float:
    """t at which a ray comes into a shape in its own space (out of it, for the shell); infinity for none."""
    if kind is Kind.SHELL:
        return min(max(((side - o) / d for side in (-1, 1)), default=math.inf) for o, d in zip(origin, direction) if d)
    if kind is Kind.CAPSULE:
        ends = [_ball_entry((origin[0], origin[1] - y, origin[2]), direction) for y in (-length, length)]
        side = _round_interval(origin, direction)[0]
        if abs(origin[1] + side * direction[1]) > length or not math.isfinite(side):
            side = math.inf
        return min(t if t > 1e-4 else math.inf for t in (*ends, side))
    if kind is Kind.ELLIPSOID:
        return _ball_entry(origin, direction)
    start, end = (-math.inf, math.inf) if kind is Kind.BOX else _round_interval(origin, direction)
    for axis in (0, 1, 2) if kind is Kind.BOX else (1,):
        if abs(direction[axis]) < PARALLEL:
            if abs(origin[axis]) > 1:
                return math.inf
            continue
        one, other = sorted((side - origin[axis]) / direction[axis] for side in (-1, 1))
        start, end = max(start, one), min(end, other)
    return start if 1e-4 < start <= end else math.inf


def nearest(scene: Scene, moment: int, origin, direction) -> tuple[float, int, np.ndarray]:
    """t, the solid and the place in its own space, of all the solids of a scene without a leading B."""
    best = (math.inf, 0, np.zeros(3))
    for number, kind in enumerate(scene.kinds.tolist()):
        matrix = scene.world_from_local[moment, number].double().numpy()
        inverse = np.linalg.inv(matrix[:, :3])
        o, d = inverse @ (origin - matrix[:, 3]), inverse @ direction
        t = first_entry(Kind(kind), o.tolist(), d.tolist(), float(scene.lengths[number]))
        if t < best[0]:
            best = (t, number, o + t * d)
    return best


def _ball_entry(origin, direction) -> float:
    a = sum(d * d for d in direction)
    b = sum(o * d for o, d in zip(origin, direction))
    c = sum(o * o for o in origin) - 1
    inside = b * b - a * c
    if inside < 0:
        return math.inf
    t = (-b - math.sqrt(inside)) / a
    return t if t > 1e-4 else math.inf


def _round_interval(origin, direction) -> tuple[float, float]:
    a = direction[0] ** 2 + direction[2] ** 2
    b = origin[0] * direction[0] + origin[2] * direction[2]
    c = origin[0] ** 2 + origin[2] ** 2 - 1
    if a < PARALLEL:
        return (-math.inf, math.inf) if c <= 0 else (math.inf, -math.inf)
    inside = b * b - a * c
    if inside < 0:
        return math.inf, -math.inf
    return (-b - math.sqrt(inside)) / a, (-b + math.sqrt(inside)) / a
