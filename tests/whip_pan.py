"""Tracks of a wide lens that turns past near things: those of the far ones are the longest, and show no depth."""

import numpy as np
from scipy.spatial.transform import Rotation

from model_server.engines.classical.match_database import Sightings
from model_server.geometry.cameras import project, transform
from model_server.geometry.square_picture import LONG_SIDE, SquarePicture

FOCAL = 512.0  # square pixels: 89 degrees
FRAMES = 40
SQUARE = SquarePicture(LONG_SIDE, 562.0, (1.0, 1.0))
_FAR, _GROUND, _WALL = 700, 8000, 4000  # points
_PAN, _TRAVEL, _LIFE = 1.2, 4.0, 8  # radians, meters, frames that a near point is followed for at most
_NOISE_PX = 0.3


def whip_pan(seed: int) -> tuple[Sightings, np.ndarray]:
    """Sightings, and (FRAMES, 4, 4) camera_from_world: a walk of 4 m along a wall, with buildings 25 to 70 m away."""
    random = np.random.default_rng(seed)
    angle, distance = random.uniform(-1.6, 1.6, _FAR), random.uniform(25, 70, _FAR)
    height = -random.uniform(-0.02, 0.35, _FAR) * distance
    far = np.stack([distance * np.sin(angle), height, distance * np.cos(angle)], axis=1)
    ground = random.uniform([-8, 1.6, -2], [8, 1.6, 12], (_GROUND, 3))
    wall = random.uniform([1.5, 0.3, -2], [1.5, 1.6, 12], (_WALL, 3))
    points = np.concatenate([far, ground, wall])
    first, last = np.zeros(len(points)), np.full(len(points), FRAMES)
    first[_FAR:] = random.uniform(-_LIFE, FRAMES, len(points) - _FAR)
    last[_FAR:] = first[_FAR:] + random.uniform(3, _LIFE, len(points) - _FAR)
    poses = np.stack([_pose(frame / (FRAMES - 1)) for frame in range(FRAMES)])
    rows = []
    for frame, pose in enumerate(poses):
        pixels, depth = project(transform(pose, points), SQUARE.intrinsics(FOCAL))
        pixels += random.normal(0, _NOISE_PX, pixels.shape)
        seen = (depth > 0.3) & (pixels > 0).all(1) & (pixels < [SQUARE.width, SQUARE.height]).all(1)
        seen &= (first <= frame) & (frame < last)
        rows.append(np.column_stack([np.nonzero(seen)[0], np.full(seen.sum(), frame), pixels[seen]]))
    table = np.concatenate(rows)
    table = table[np.lexsort((table[:, 1], table[:, 0]))]
    _, tracks, lengths = np.unique(table[:, 0], return_inverse=True, return_counts=True)
    long_enough = lengths[tracks] >= 3
    return Sightings(table[long_enough, 1].astype(int), tracks[long_enough], table[long_enough, 2:]), poses


def _pose(share: float) -> np.ndarray:
    angles = [0.03 * np.sin(5 * share), 0.3 - _PAN * share, 0.02 * np.sin(7 * share)]
    center = _TRAVEL * np.array([0.02 * np.sin(9 * share) - 0.3 * share, 0.03 * np.sin(11 * share), 0.6 * share])
    pose = np.eye(4)
    pose[:3, :3] = Rotation.from_rotvec(angles).as_matrix().T
    pose[:3, 3] = -pose[:3, :3] @ center
    return pose
