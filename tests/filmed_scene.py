"""A textured room with a box that stands and one that moves, cast ray by ray: exact depth, cameras and masks."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class FilmedFrame:
    image: np.ndarray  # (H, W, 3) uint8 sRGB
    depth: np.ndarray  # (H, W) float64, meters along the axis
    camera_from_world: np.ndarray  # (4, 4), x right, y down, z forward
    intrinsics: np.ndarray  # (3, 3) pixels, (0, 0) is the corner
    moving: np.ndarray  # (H, W) bool


FLOOR_Y, WALL_Z = 1.0, 6.5
STILL_BOX = (np.array([-1.0, -0.2, 3.6]), np.array([-0.1, 1.0, 4.6]))
MOVING_BOX = (np.array([0.5, 0.1, 3.0]), np.array([0.9, 0.6, 3.5]))


def film(frame_count=5, width=64, height=48, intrinsics=None, seed=0, eye=0.0):
    """A handheld move of some decimeters and degrees; another seed is another move.

    `eye` is how far to the right of that camera another one is that is filmed instead.
    """
    if intrinsics is None:
        intrinsics = np.array([[60.0, 0, 0.5 * width - 0.8], [0, 58.0, 0.5 * height + 0.7], [0, 0, 1]])
    path = np.random.default_rng(seed).uniform(-1, 1, (2, 6))
    frames = []
    for index in range(frame_count):
        share = index / max(frame_count - 1, 1)
        angles = 0.06 * (path[0, :3] + share * path[1, :3])
        position = 0.15 * (path[0, 3:] + 1.5 * share * path[1, 3:])
        rotation = _rotation(angles)
        position = position + eye * rotation[0]
        camera_from_world = np.eye(4)
        camera_from_world[:3, :3], camera_from_world[:3, 3] = rotation, -rotation @ position
        frames.append(_cast(camera_from_world, intrinsics, width, height, shift=0.5 * share))
    return frames


def _cast(camera_from_world, intrinsics, width, height, shift):
    x, y = np.meshgrid(np.arange(width) + 0.5, np.arange(height) + 0.5)
    in_camera = np.stack([x, y, np.ones_like(x)], axis=-1) @ np.linalg.inv(intrinsics).T  # z is 1: t is the depth
    world_from_camera = np.linalg.inv(camera_from_world)
    origin, rays = world_from_camera[:3, 3], in_camera @ world_from_camera[:3, :3].T
    moved = tuple(corner + np.array([-shift, 0, shift]) for corner in MOVING_BOX)
    with np.errstate(divide="ignore", invalid="ignore"):
        floor, wall = (FLOOR_Y - origin[1]) / rays[..., 1], (WALL_Z - origin[2]) / rays[..., 2]
        hits = np.stack([np.where(floor > 0, floor, np.inf), np.where(wall > 0, wall, np.inf)]
                        + [_box_hit(origin, rays, *box) for box in (STILL_BOX, moved)])  # fmt: skip
    what, depth = hits.argmin(axis=0), hits.min(axis=0)
    points = origin + depth[..., None] * rays - np.where((what == 3)[..., None], [-shift, 0, shift], 0)
    return FilmedFrame(_texture(points, what), depth, camera_from_world, intrinsics, what == 3)


def _box_hit(origin, rays, low, high):
    ends = np.sort(np.stack([(low - origin) / rays, (high - origin) / rays]), axis=0)
    enter, leave = ends[0].max(axis=-1), ends[1].min(axis=-1)
    return np.where((enter < leave) & (enter > 0), enter, np.inf)


def _texture(points, what):
    phase = points @ np.array([[3.1, 1.3, -2.2], [-1.7, 2.9, 1.1], [2.3, -0.7, 2.7]]) + what[..., None]
    return np.clip(127.5 + 110 * np.sin(phase), 0, 255).astype(np.uint8)


def _rotation(angles):
    (cx, cy, cz), (sx, sy, sz) = np.cos(angles), np.sin(angles)
    about_x = np.array([[1, 0, 0], [0, cx, -sx], [0, sx, cx]])
    about_y = np.array([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]])
    about_z = np.array([[cz, -sz, 0], [sz, cz, 0], [0, 0, 1]])
    return about_z @ about_y @ about_x
