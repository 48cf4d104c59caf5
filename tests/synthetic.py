"""A clip whose truth is known: a textured room, a handheld camera path, and a box that walks across the floor."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

ROOM = np.array([[-3.0, 3.0], [-2.0, 1.2], [-1.0, 6.0]])  # x, y (down), z extents of the room, meters
BOX_HALF = np.array([0.25, 0.8, 0.2])


@dataclass(frozen=True)
class SyntheticClip:
    """Truth beside pictures; solver axes, pixels with (0, 0) at the corner, depth along the optical axis."""

    images: np.ndarray  # (F, H, W, 3) uint8
    camera_from_world: np.ndarray  # (F, 4, 4); world = first frame's camera
    intrinsics: np.ndarray  # (3, 3)
    depth: np.ndarray  # (F, H, W) float32
    moving: np.ndarray  # (F, H, W) bool


@dataclass(frozen=True)
class RoomFrame:
    """One frame of the clip, as in `SyntheticClip`, but its world is the room's."""

    image: np.ndarray
    camera_from_world: np.ndarray
    depth: np.ndarray
    moving: np.ndarray


@lru_cache(maxsize=4)
def synthetic_clip(
    frames: int = 16, width: int = 320, height: int = 240, focal: float = 280.0, speed: float = 1.0, travel: float = 1.0
) -> SyntheticClip:
    """The room seen by a camera that moves 1.2 m and turns; `speed` 0 keeps the box in place, `travel` 0 the camera."""
    intrinsics = np.array([[focal, 0, width / 2], [0, focal, height / 2], [0, 0, 1.0]])
    shot = [room_frame(i / max(frames - 1, 1), width, height, focal, speed, travel) for i in range(frames)]
    images, poses, depth, moving = (
        np.stack([getattr(frame, name) for frame in shot]) for name in ("image", "camera_from_world", "depth", "moving")
    )
    return SyntheticClip(images, poses @ np.linalg.inv(poses[0]), intrinsics, depth, moving)


def room_frame(s: float, width: int, height: int, focal: float, speed: float = 1.0, travel: float = 1.0) -> RoomFrame:
    """The room at the time `s`, 0 the first frame .. 1 the last."""
    x, y = np.meshgrid(np.arange(width) + 0.5, np.arange(height) + 0.5)
    rays = np.stack([(x - width / 2) / focal, (y - height / 2) / focal, np.ones_like(x)], -1)
    world_from_camera = _pose(s)
    world_from_camera[:3, 3] *= travel
    origin, directions = world_from_camera[:3, 3], rays @ world_from_camera[:3, :3].T
    far, face, hit = _inside_box(origin, directions, ROOM)
    color = _texture(hit, face, seed=1)
    center = np.array([-1.2 + 2.4 * s * speed, ROOM[1, 1] - BOX_HALF[1], 3.2])
    near, near_face, near_hit, struck = _outside_box(origin, directions, center)
    box_color = _texture(near_hit - center + 7.0, near_face + 6, seed=2)
    color = np.where(struck[..., None], box_color, color)
    image = np.clip(color * 255 + 0.5, 0, 255).astype(np.uint8)
    depth = np.where(struck, near, far).astype(np.float32)
    return RoomFrame(image, np.linalg.inv(world_from_camera), depth, struck & (speed != 0))


def _pose(s: float) -> np.ndarray:
    yaw, pitch, roll = 0.15 * np.sin(2.2 * s), 0.06 * np.sin(3 * s), 0.02 * np.sin(5 * s)
    cy, sy, cp, sp, cr, sr = (
        np.cos(yaw),
        np.sin(yaw),
        np.cos(pitch),
        np.sin(pitch),
        np.cos(roll),
        np.sin(roll),
    )
    rotation = (
        np.array([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]])
        @ np.array([[1, 0, 0], [0, cp, -sp], [0, sp, cp]])
        @ np.array([[cr, -sr, 0], [sr, cr, 0], [0, 0, 1]])
    )
    pose = np.eye(4)
    pose[:3, :3], pose[:3, 3] = rotation, [1.2 * s - 0.6, 0.15 * np.sin(3 * s), 0.3 * s]
    return pose


def _inside_box(origin, directions, box):
    """First wall of a box that the origin is in: distance, face 0..5, point."""
    with np.errstate(divide="ignore"):
        distances = np.where(directions > 0, (box[:, 1] - origin) / directions, (box[:, 0] - origin) / directions)
    axis = np.argmin(distances, axis=-1)
    distance = np.take_along_axis(distances, axis[..., None], -1)[..., 0]
    face = axis * 2 + (np.take_along_axis(directions, axis[..., None], -1)[..., 0] > 0)
    return distance, face, origin + directions * distance[..., None]


def _outside_box(origin, directions, center):
    """The slab test of Kay and Kajiya (1986) from outside."""
    with np.errstate(divide="ignore"):
        a, b = (center - BOX_HALF - origin) / directions, (center + BOX_HALF - origin) / directions
    entry, leave = np.minimum(a, b), np.maximum(a, b)
    axis, distance = np.argmax(entry, axis=-1), entry.max(-1)
    struck = (distance < leave.min(-1)) & (distance > 0)
    face = axis * 2 + (np.take_along_axis(directions, axis[..., None], -1)[..., 0] < 0)
    return distance, face, origin + directions * np.where(struck, distance, 1.0)[..., None], struck


def _texture(points, face, seed):
    """Colored value noise in three octaves, another for every face; smooth, so that pictures do not alias."""
    color = np.zeros((*points.shape[:-1], 3))
    axes = np.array([[1, 2], [1, 2], [0, 2], [0, 2], [0, 1], [0, 1]])
    for f in np.unique(face):
        inside = face == f
        uv = points[inside][:, axes[int(f) % 6]]
        for octave, (cells, weight) in enumerate([(1.5, 0.4), (5.0, 0.35), (11.0, 0.25)]):
            table = np.random.default_rng([seed, int(f), octave]).random((64, 64, 3))
            color[inside] += weight * _bilinear(table, uv * cells)
    return color


def _bilinear(table, uv):
    base = np.floor(uv).astype(int)
    t = uv - base
    t = (t * t * (3 - 2 * t))[..., None]
    i, j = base[:, 0] % 64, base[:, 1] % 64
    i1, j1 = (i + 1) % 64, (j + 1) % 64
    top = table[i, j] * (1 - t[:, 0]) + table[i1, j] * t[:, 0]
    low = table[i, j1] * (1 - t[:, 0]) + table[i1, j1] * t[:, 0]
    return top * (1 - t[:, 1]) + low * t[:, 1]
