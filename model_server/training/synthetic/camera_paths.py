"""How cameras move: in the hand, on a dolly, panning, zooming or not at all."""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np


class CameraMove(StrEnum):
    """Kinds of shots."""

    HANDHELD = "handheld"
    DOLLY = "dolly"
    PAN = "pan"
    ZOOM = "zoom"
    STILL = "still"


# A still camera on a still scene shows nothing but noise, so that there it is rare.
SHARES_MOVING = {
    CameraMove.HANDHELD: 0.35,
    CameraMove.DOLLY: 0.27,
    CameraMove.PAN: 0.13,
    CameraMove.ZOOM: 0.13,
    CameraMove.STILL: 0.12,
}
SHARES_STILL = {
    CameraMove.HANDHELD: 0.43,
    CameraMove.DOLLY: 0.32,
    CameraMove.PAN: 0.1,
    CameraMove.ZOOM: 0.13,
    CameraMove.STILL: 0.02,
}


_FROM_WALLS = 0.3  # meters


@dataclass(frozen=True)
class Viewpoint:
    """Where the camera is in the middle of the clip."""

    place: np.ndarray  # (3,)
    yaw: float  # 0 looks along z, positive to the right
    pitch: float  # positive looks down
    fov: float  # horizontal, radians
    mean_depth: float  # about how far away things are, meters


@dataclass(frozen=True)
class CameraPath:
    """The camera at T moments."""

    camera_from_world: np.ndarray  # (T, 3, 4)
    focals: np.ndarray  # (T,) in widths of the picture
    places: np.ndarray  # (T, 3)


def drawn_move(random: np.random.Generator, *, moving: bool) -> CameraMove:
    """A kind of shot for a scene in which something moves or nothing does."""
    shares = SHARES_MOVING if moving else SHARES_STILL
    return CameraMove(random.choice([str(move) for move in shares], p=list(shares.values())))


def camera_path(
    random: np.random.Generator,
    move: CameraMove,
    view: Viewpoint,
    times: np.ndarray,
    half: np.ndarray,
    travel: float = 1.0,
) -> CameraPath:
    """A path through the viewpoint at half time.

    Args:
        random: draws how far and where to.
        move: the kind of shot.
        view: where the camera is at half time.
        times: (T,) in frames.
        half: (2,) half of the place's width and length, meters; cameras stay inside.
        travel: how far cameras go and turn on their way, against a shot of about a second.
    """
    last = max(times.max(), 1.0)
    part = times / last - 0.5
    travels = move in (CameraMove.HANDHELD, CameraMove.DOLLY) or (move is CameraMove.ZOOM and random.random() < 0.5)
    reach = travel * view.mean_depth * np.exp(random.uniform(np.log(0.03), np.log(0.3))) if travels else 0.0
    bearing = view.yaw + random.choice([0.0, np.pi / 2, np.pi, -np.pi / 2]) + random.uniform(-0.5, 0.5)
    way = np.array([np.sin(bearing), random.uniform(-0.15, 0.15), np.cos(bearing)])
    places = view.place + (part + random.uniform(-0.3, 0.3) * (part**2 - 1 / 12))[:, None] * way * reach
    places = _inside(places, view.place, half - _FROM_WALLS)
    pivot = view.place + view.mean_depth * np.array([np.sin(view.yaw), 0.0, np.cos(view.yaw)])
    toward = np.arctan2(pivot[0] - places[:, 0], pivot[2] - places[:, 2]) - view.yaw
    follows = random.choice([0.0, random.uniform(0, 1), 1.0]) if travels else 0.0
    yaw = view.yaw + follows * (np.arctan2(np.sin(toward), np.cos(toward)))
    pitch, roll = np.full_like(times, view.pitch), np.full_like(times, random.normal(0, 0.02))
    if travels:
        yaw, pitch = yaw + travel * random.normal(0, 0.06) * part, pitch + travel * random.normal(0, 0.03) * part
    if move is CameraMove.PAN:
        yaw = yaw + random.choice([-1, 1]) * random.uniform(0.1, 0.8) * view.fov * part
        pitch = pitch + random.normal(0, 0.05) * part
    if move is CameraMove.HANDHELD or (move is CameraMove.ZOOM and travels):
        shake = _shake(random, times)
        places = places + random.uniform(0.2, 1.0) * 0.015 * shake[:, :3]
        yaw, pitch, roll = (
            angle + random.uniform(0.2, 1.0) * size * shake[:, 3 + axis]
            for axis, (angle, size) in enumerate(((yaw, 0.018), (pitch, 0.014), (roll, 0.014)))
        )
    places[:, 1] = np.minimum(places[:, 1], -0.3)
    focals = np.full_like(times, 0.5 / np.tan(view.fov / 2))
    if move is CameraMove.ZOOM:
        focals = focals * np.exp(random.choice([-1, 1]) * random.uniform(0.15, 0.6) * part)
    return CameraPath(_camera_from_world(places, yaw, pitch, roll), focals, places)


def _inside(places: np.ndarray, middle: np.ndarray, half: np.ndarray) -> np.ndarray:
    """A path (T, 3) through `middle`, made shorter where it would leave x and z of -half .. half."""
    steps = (places - middle)[:, [0, 2]]
    room = np.maximum(half - np.sign(steps) * middle[[0, 2]], 0)
    share = np.min(room / np.maximum(np.abs(steps), room + 1e-9))
    return np.asarray(middle + share * (places - middle))


def _shake(random: np.random.Generator, times: np.ndarray) -> np.ndarray:
    """(T, 6) about -1..1, smooth."""
    rates, phases = random.uniform(0.05, 0.35, (2, 6)), random.uniform(0, 2 * np.pi, (2, 6))
    waves: np.ndarray = np.sin(2 * np.pi * rates * times[:, None, None] + phases).sum(1) / 1.4
    return waves


def _camera_from_world(places: np.ndarray, yaw: np.ndarray, pitch: np.ndarray, roll: np.ndarray) -> np.ndarray:
    ahead = np.stack([np.sin(yaw) * np.cos(pitch), np.sin(pitch), np.cos(yaw) * np.cos(pitch)], -1)
    level = np.stack([np.cos(yaw), np.zeros_like(yaw), -np.sin(yaw)], -1)
    plumb = np.cross(ahead, level)
    right = np.cos(roll)[:, None] * level + np.sin(roll)[:, None] * plumb
    rotation = np.stack([right, np.cross(ahead, right), ahead], -2)
    return np.concatenate([rotation, -rotation @ places[..., None]], -1)
