"""Cameras of frames that were not found yet, from points that others know: PnP with RANSAC (Fischler, Bolles 1981)."""

import cv2
import numpy as np
from scipy.spatial.transform import Rotation, Slerp

from model_server.geometry.cameras import inverse
from model_server.geometry.shot import Array
from model_server.geometry.triangulation import PointSightings

_MIN_POINTS, _MIN_SHARE = 15, 0.3
_INLIER_PX = 4.0


def resect(sightings: PointSightings, points: Array, poses: Array, intrinsics: Array) -> Array:
    """Poses with those of missing frames filled in where enough points are seen.

    Args:
        sightings: undistorted pixels.
        points: (N, 3) world; NaN where unknown.
        poses: (F, 4, 4) camera_from_world; NaN where unknown.
        intrinsics: (F, 3, 3).

    Returns:
        (F, 4, 4); still NaN where too few points agree.
    """
    poses = poses.copy()
    known_points = np.isfinite(points[:, 0])[sightings.tracks]
    for frame in np.nonzero(~np.isfinite(poses[:, 0, 0]))[0]:
        rows = (sightings.frames == frame) & known_points
        if rows.sum() >= _MIN_POINTS:
            found = _pose(points[sightings.tracks[rows]], sightings.positions[rows], intrinsics[frame])
            if found is not None:
                poses[frame] = found
    return poses


def _pose(points: Array, pixels: Array, intrinsics: Array) -> Array | None:
    cv2.setRNGSeed(0)
    found, rotation, translation, inliers = cv2.solvePnPRansac(
        points, pixels, intrinsics, None, iterationsCount=500, reprojectionError=_INLIER_PX, flags=cv2.SOLVEPNP_AP3P
    )
    if not found or inliers is None or len(inliers) < max(_MIN_POINTS, _MIN_SHARE * len(points)):
        return None
    chosen = inliers[:, 0]
    rotation, translation = cv2.solvePnPRefineLM(
        points[chosen], pixels[chosen], intrinsics, None, rotation, translation
    )
    pose = np.eye(4)
    pose[:3, :3], pose[:3, 3] = cv2.Rodrigues(rotation)[0], translation[:, 0]
    return pose


def fill_between(poses: Array) -> Array:
    """Frames between known ones get positions on a line and rotations by slerp (Shoemake 1985); ends stay NaN."""
    known = np.nonzero(np.isfinite(poses[:, 0, 0]))[0]
    inside = np.arange(len(poses))
    missing = inside[~np.isfinite(poses[:, 0, 0]) & (inside > known[0]) & (inside < known[-1])]
    if not len(missing):
        return poses
    world_from_camera = inverse(poses[known])
    filled = np.tile(np.eye(4), (len(missing), 1, 1))
    filled[:, :3, :3] = Slerp(known, Rotation.from_matrix(world_from_camera[:, :3, :3]))(missing).as_matrix()
    for axis in range(3):
        filled[:, axis, 3] = np.interp(missing, known, world_from_camera[:, axis, 3])
    result = poses.copy()
    result[missing] = inverse(filled)
    return result
