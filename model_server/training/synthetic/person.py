"""A person of capsules who walks, or stands, on y = 0 and looks along z."""

import numpy as np

from model_server.training.synthetic.affine import moved
from model_server.training.synthetic.materials import Materials
from model_server.training.synthetic.parts import Part, Thing, capsule, ellipsoid, placed

STRIDE = 0.82  # of the height, that two steps go


def person(random: np.random.Generator, materials: Materials, height: float, walked: np.ndarray) -> Thing:
    """The parts in the person's own space.

    Args:
        random: draws the gait.
        materials: clothes the person.
        height: meters.
        walked: (T,) meters since any moment; the same for all who stand.

    Returns:
        Parts whose matrices are (T, 3, 4). The feet are on the floor, the middle is at x = z = 0.
    """
    shirt, trousers, skin, shoes, hair = (
        materials.cloth(),
        materials.cloth(),
        materials.skin(),
        materials.dark(),
        materials.dark() if random.random() < 0.6 else materials.wood(),
    )
    sleeves = shirt if random.random() < 0.7 else skin
    phase = 2 * np.pi * walked / (STRIDE * height) + random.uniform(0, 2 * np.pi)
    width = random.uniform(0.85, 1.2)
    swing, bend, lean = random.uniform(0.4, 0.6), random.uniform(0.5, 0.9), random.uniform(-0.02, 0.12)
    hip_height = 0.52 * height
    thigh, shin, upper, fore = 0.245 * height, 0.245 * height, 0.17 * height, 0.16 * height

    parts: list[Part] = []
    lowest = np.full(len(walked), -np.inf)
    for side in (-1, 1):
        turn = phase + (np.pi if side > 0 else 0)
        leg = swing * np.sin(turn)
        knee_bend = bend * np.clip(np.sin(turn + 1.9), 0, None) + 0.06
        hip = _at(side * 0.055 * height * width, -hip_height, 0.0, phase)
        knee = hip + thigh * _down(leg)
        ankle = knee + shin * _down(leg - knee_bend)
        toe = ankle + 0.09 * height * _forward(np.clip(leg - knee_bend, -0.9, 0.3))
        parts += [
            capsule(trousers, hip, knee, 0.048 * height * width),
            capsule(trousers, knee, ankle, 0.034 * height * width),
            capsule(shoes, ankle, toe, 0.026 * height),
        ]
        lowest = np.maximum(lowest, np.maximum(ankle[:, 1], toe[:, 1]) + 0.026 * height)
        shoulder = _at(side * 0.115 * height * width, -0.8 * height, 0.0, phase) + _lean(lean, height)
        arm = -0.9 * swing * np.sin(turn)
        elbow = shoulder + upper * _down(arm)
        hand = elbow + fore * _down(arm + 0.35 + 0.25 * np.sin(turn + np.pi))
        parts += [
            capsule(sleeves, shoulder, elbow, 0.028 * height * width),
            capsule(skin if sleeves is skin else shirt, elbow, hand, 0.022 * height * width),
            capsule(skin, hand, hand + 0.03 * height * _down(arm + 0.3), 0.024 * height),
        ]
    chest = _at(0.0, -0.755 * height, 0.0, phase) + _lean(lean, height)
    belly = _at(0.0, -0.56 * height, 0.0, phase)
    head = _at(0.0, -0.925 * height, 0.01 * height, phase) + _lean(lean * 1.2, height)
    parts += [capsule(shirt, belly, chest, 0.088 * height * width), capsule(skin, chest, head, 0.032 * height)]
    skull = ellipsoid(skin, (0.09 * height, 0.135 * height, 0.11 * height), (0, 0, 0))
    top = ellipsoid(hair, (0.097 * height, 0.1 * height, 0.115 * height), (0, -0.024 * height, -0.012 * height))
    parts += placed([skull, top], moved(*head.T))
    return placed(parts, moved(0.0, -lowest, 0.0))


def _at(x: float, y: float, z: float, like: np.ndarray) -> np.ndarray:
    return np.broadcast_to(np.array([x, y, z]), (len(like), 3))


def _lean(angle: float, height: float) -> np.ndarray:
    return np.array([0.0, 0.0, angle * 0.3 * height])


def _down(angle: np.ndarray) -> np.ndarray:
    """(T, 3): straight down, or swung ahead by an angle."""
    return np.stack([np.zeros_like(angle), np.cos(angle), np.sin(angle)], -1)


def _forward(angle: np.ndarray) -> np.ndarray:
    """(T, 3): straight ahead, or up by an angle."""
    return np.stack([np.zeros_like(angle), -np.sin(angle), np.cos(angle)], -1)
