"""Where things are: the floor of the room, and where on it people walk. Plain numpy, for both Pythons.

The floor's frame has x and y on the floor and z up, in meters; the camera frame is OpenCV's (x right, y down, z ahead).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from walk import Route

FRAMES_PER_SECOND = 10  # the source does not say; at this rate its camera moves at a walk, 1.1 m a second
# Boxes [[low], [high]] in the floor's frame in which black chairs stand, around the long table and the round ones.
BLACK_FURNITURE = (
    ((-1.3, -0.6, 0.0), (0.1, 0.7, 0.92)),
    ((-3.8, 0.2, 0.0), (-0.9, 1.6, 0.92)),
)


@dataclass(frozen=True)
class Walker:
    """One person: who walks where, how fast (meters a second), and what they wear (linear rgb)."""

    name: str
    path: Route
    start_m: float
    speed: float
    first_frame: int
    last_frame: int
    shirt: tuple[tuple[float, float, float], tuple[float, float, float]]
    trousers: tuple[float, float, float]

    def distances(self, frame_count: int) -> np.ndarray:
        """(frames,) distance along the path at every frame of the shot."""
        return self.start_m + self.speed / FRAMES_PER_SECOND * np.arange(frame_count)


def walkers() -> tuple[Walker, ...]:
    """The people of the demo shot; the paths were laid out on a plan of the room drawn from its depth maps."""
    corridor = Route.through(
        np.array([[-0.5, -3.4], [0.15, -2.5], [0.72, -0.3], [0.65, 0.9], [-0.4, 1.75], [-2.4, 2.0]])
    )
    kitchen = Route.through(np.array([[-4.6, 0.1], [-3.2, -0.4], [-1.6, -1.1]]))
    return (
        Walker("corridor", corridor, 0.55, 1.1, 0, 49, ((0.42, 0.03, 0.02), (0.50, 0.40, 0.27)), (0.07, 0.06, 0.045)),
        Walker("kitchen", kitchen, -3.9, 1.0, 43, 59, ((0.03, 0.16, 0.11), (0.36, 0.40, 0.28)), (0.03, 0.035, 0.06)),
    )


def floor_from_world(depth_maps: list[np.ndarray], intrinsics: np.ndarray, cam_from_world: np.ndarray) -> np.ndarray:
    """Find the floor: the lowest well-filled level of all depth points, then a plane through it.

    Args:
        depth_maps: (H, W) each, meters, 0 = unknown.
        intrinsics: (3, 3), pixels counted from pixel centers.
        cam_from_world: (frames, 4, 4); the world's y axis points up, nearly.

    Returns:
        (4, 4) from the world to the floor's frame; the world's x stays ahead of the floor's x.
    """
    points = np.concatenate(
        [
            world_points(depth[::4, ::4], intrinsics, pose, step=4)
            for depth, pose in zip(depth_maps, cam_from_world, strict=True)
        ]
    )
    counts, edges = np.histogram(points[:, 1], bins=np.arange(points[:, 1].min(), points[:, 1].max(), 0.02))
    level = edges[:-1][counts > 0.3 * counts.max()][0] + 0.01
    near = points[np.abs(points[:, 1] - level) < 0.05]
    slope_x, slope_z, height = np.linalg.lstsq(np.c_[near[:, [0, 2]], np.ones(len(near))], near[:, 1], rcond=None)[0]
    up = np.array([-slope_x, 1.0, -slope_z]) / np.linalg.norm([slope_x, 1.0, slope_z])
    x_axis = np.array([1.0, 0.0, 0.0]) - up[0] * up
    x_axis /= np.linalg.norm(x_axis)
    frame = np.eye(4)
    frame[:3, :3] = np.stack([x_axis, np.cross(up, x_axis), up])
    frame[:3, 3] = -frame[:3, :3] @ [0.0, height, 0.0]
    return frame


def world_points(depth: np.ndarray, intrinsics: np.ndarray, cam_from_world: np.ndarray, step: int = 1) -> np.ndarray:
    """(N, 3) world points of every pixel with depth; `step` says how the map was thinned."""
    rows, columns = np.nonzero(depth)
    along = depth[rows, columns]
    x = (columns * step - intrinsics[0, 2]) / intrinsics[0, 0] * along
    y = (rows * step - intrinsics[1, 2]) / intrinsics[1, 1] * along
    return (np.stack([x, y, along], axis=1) - cam_from_world[:3, 3]) @ cam_from_world[:3, :3]
