"""Things that stand in rooms and streets. Each stands on y = 0 around x = z = 0."""

import numpy as np

from model_server.training.synthetic.affine import joined, moved, turned
from model_server.training.synthetic.materials import Materials
from model_server.training.synthetic.parts import Part, Surface, Thing, box, capsule, cylinder, ellipsoid, placed


def block(random: np.random.Generator, materials: Materials) -> Thing:
    """A chest, a crate or a cupboard."""
    width, depth, height = random.uniform(0.3, 1.2), random.uniform(0.3, 0.7), random.uniform(0.3, 1.4)
    thing = [box(materials.any(), (width, height, depth), (0, -height / 2, 0))]
    if random.random() < 0.4:
        thing.append(_topping(random, materials, height, min(width, depth)))
    return thing


def ball(random: np.random.Generator, materials: Materials) -> Thing:
    """Round, or a little longer than wide."""
    radius = random.uniform(0.12, 0.5)
    stretch = random.uniform(0.7, 1.4) if random.random() < 0.3 else 1.0
    return [ellipsoid(materials.any(), (2 * radius, 2 * radius * stretch, 2 * radius), (0, -radius * stretch, 0))]


def drum(random: np.random.Generator, materials: Materials) -> Thing:
    """A bin, a barrel or a stool."""
    width, height = random.uniform(0.25, 0.7), random.uniform(0.3, 1.0)
    return [cylinder(materials.any(), (width, height, width), (0, -height / 2, 0))]


def table(random: np.random.Generator, materials: Materials) -> Thing:
    """With four legs and something on it."""
    width, depth, height = random.uniform(0.8, 1.8), random.uniform(0.6, 1.0), random.uniform(0.45, 0.8)
    top, legs = materials.wood(), materials.paint()
    thing = [box(top, (width, 0.05, depth), (0, -height + 0.025, 0))]
    for x in (-1, 1):
        for z in (-1, 1):
            middle = (x * (width / 2 - 0.06), -height / 2, z * (depth / 2 - 0.06))
            thing.append(cylinder(legs, (0.06, height, 0.06), middle))
    if random.random() < 0.7:
        thing.append(_topping(random, materials, height, 0.6))
    return thing


def chair(random: np.random.Generator, materials: Materials) -> Thing:
    """A seat, a back and two frames for legs."""
    cover, frame = materials.cloth(), materials.wood()
    thing = [box(cover, (0.45, 0.06, 0.45), (0, -0.45, 0)), box(cover, (0.45, 0.5, 0.05), (0, -0.72, -0.2))]
    return thing + [box(frame, (0.05, 0.43, 0.05), (x * 0.19, -0.215, z * 0.19)) for x in (-1, 1) for z in (-1, 1)]


def sofa(random: np.random.Generator, materials: Materials) -> Thing:
    """Seat, back and arms."""
    cover, width = materials.cloth(), random.uniform(1.0, 2.1)
    thing = [box(cover, (width, 0.42, 0.8), (0, -0.21, 0)), box(cover, (width, 0.42, 0.22), (0, -0.62, -0.3))]
    return thing + [box(cover, (0.2, 0.6, 0.8), (x * (width / 2 + 0.1), -0.3, 0)) for x in (-1, 1)]


def plant(random: np.random.Generator, materials: Materials) -> Thing:
    """A pot with leaves."""
    height, leaves = random.uniform(0.5, 1.5), materials.leaves()
    thing = [cylinder(materials.paint(), (0.32, 0.34, 0.32), (0, -0.17, 0))]
    for _ in range(int(random.integers(3, 7))):
        lean, turn, long = random.uniform(0.1, 0.7), random.uniform(0, 6.3), height * random.uniform(0.5, 0.9)
        leaf = ellipsoid(leaves, (0.16, long, 0.05), (0, -long / 2, 0))
        thing += placed([leaf], joined(moved(0, -0.3, 0), joined(turned(1, turn), turned(0, lean))))
    return thing


def lamp(random: np.random.Generator, materials: Materials) -> Thing:
    """A standing lamp."""
    height = random.uniform(1.3, 1.8)
    return [
        cylinder(materials.paint(), (0.3, 0.04, 0.3), (0, -0.02, 0)),
        cylinder(materials.paint(), (0.04, height, 0.04), (0, -height / 2, 0)),
        cylinder(materials.bright(random.uniform(0.3, 1.0)), (0.4, 0.3, 0.4), (0, -height, 0)),
    ]


def shelf(random: np.random.Generator, materials: Materials) -> Thing:
    """Boards between two sides, with things on them."""
    wood, width, height = materials.wood(), random.uniform(0.7, 1.3), random.uniform(1.2, 2.0)
    thing = [box(wood, (0.04, height, 0.35), (x * width / 2, -height / 2, 0)) for x in (-1, 1)]
    thing.append(box(materials.wood(), (width, height, 0.02), (0, -height / 2, -0.165)))
    for place in np.linspace(0.05, 0.97, 4):
        thing.append(box(wood, (width, 0.03, 0.35), (0, -height * place, 0)))
        if random.random() < 0.8:
            thing += placed(
                [_topping(random, materials, 0.0, 0.3)],
                moved(random.uniform(-0.3, 0.3) * width, -height * place - 0.015, 0),
            )
    return thing


def car(random: np.random.Generator, materials: Materials, driven: np.ndarray | None = None) -> Thing:
    """Looks along z; its wheels turn with the meters (T,) that it has driven."""
    paint, glass, rubber = materials.paint(), materials.dark(), materials.dark()
    length, width, waist = random.uniform(3.4, 4.6), random.uniform(1.6, 1.9), random.uniform(0.75, 1.0)
    roof = waist + random.uniform(0.4, 0.8)
    back = random.uniform(-0.5, 0.0)
    thing = [
        box(paint, (width, waist - 0.25, length), (0, -(waist + 0.25) / 2, 0)),
        box(glass, (width * 0.88, roof - waist, length * 0.5), (0, -(waist + roof) / 2, back)),
        box(paint, (width * 0.9, 0.06, length * 0.46), (0, -roof, back)),
        box(materials.bright(0.2), (width * 0.9, 0.12, 0.04), (0, -waist + 0.15, length / 2)),
    ]
    wheel = placed([cylinder(rubber, (0.64, 0.2, 0.64), (0, 0, 0))], turned(2, np.pi / 2))
    hub = placed([cylinder(materials.paint(), (0.36, 0.22, 0.36), (0, 0, 0))], turned(2, np.pi / 2))
    spin = turned(0, -(np.zeros(1) if driven is None else driven) / 0.32)
    for x in (-1, 1):
        for z in (-0.3, 0.31):
            at = moved(x * (width / 2 - 0.08), -0.32, z * length)
            thing += placed(wheel + hub, joined(at, spin if driven is not None else spin[0]))
    return thing


def tree(random: np.random.Generator, materials: Materials) -> Thing:
    """A trunk under a crown."""
    height, wide, leaves = random.uniform(2.0, 4.5), random.uniform(1.2, 2.6), materials.leaves()
    thing = [cylinder(materials.wood(), (0.24, height, 0.24), (0, -height / 2, 0))]
    for _ in range(int(random.integers(2, 5))):
        x, y, z = random.uniform(-0.3, 0.3, 3) * wide
        size = (random.uniform(0.7, 1.1, 3) * wide).tolist()
        thing.append(ellipsoid(leaves, size, (x, y - height - 0.2 * wide, z)))
    return thing


def pole(random: np.random.Generator, materials: Materials) -> Thing:
    """A lantern or a sign."""
    height = random.uniform(2.2, 4.5)
    thing = [cylinder(materials.paint(), (0.12, height, 0.12), (0, -height / 2, 0))]
    if random.random() < 0.5:
        thing.append(box(materials.any(), (0.6, 0.6, 0.05), (0, -height + 0.3, 0.07)))
    else:
        thing.append(capsule(materials.bright(0.3), np.array([0, -height, 0.0]), np.array([0.5, -height, 0]), 0.1))
    return thing


def bench(random: np.random.Generator, materials: Materials) -> Thing:
    """To sit on, in the street."""
    wood = materials.wood()
    return [
        box(wood, (1.6, 0.08, 0.45), (0, -0.45, 0)),
        box(wood, (1.6, 0.35, 0.06), (0, -0.75, -0.22)),
        box(materials.paint(), (0.08, 0.42, 0.4), (-0.65, -0.21, 0)),
        box(materials.paint(), (0.08, 0.42, 0.4), (0.65, -0.21, 0)),
    ]


def stalk(materials: Materials, height: float, bends: np.ndarray) -> Thing:
    """A limp column whose links (T, N) turn against each other, radians: it bends without changing its links."""
    surface: Surface = materials.any()
    moments, links = bends.shape
    angle, joint, thing = np.zeros(moments), np.zeros((moments, 3)), []
    for link in range(links):
        angle = angle + bends[:, link]
        step = np.stack([np.zeros(moments), -np.cos(angle), np.sin(angle)], -1) * (height / links)
        thing.append(capsule(surface, joint, joint + step, height * (0.1 - 0.05 * link / links)))
        joint = joint + step
    return thing


def _topping(random: np.random.Generator, materials: Materials, height: float, room: float) -> Part:
    size = (random.uniform(0.3, 0.8, 3) * min(room, 0.45)).tolist()
    x, z = random.uniform(-0.15, 0.15, 2) * room
    kind = random.integers(3)
    shape = (box, ellipsoid, cylinder)[kind]
    return shape(materials.any(), size, (x, -height - size[1] / 2, z))
