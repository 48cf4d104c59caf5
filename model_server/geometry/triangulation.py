"""Still points from cameras and tracks: linear triangulation of all tracks at once (Hartley and Zisserman 2004)."""

from dataclasses import dataclass

import numpy as np

from model_server.geometry.cameras import project, transform
from model_server.geometry.shot import Array


@dataclass(frozen=True)
class PointSightings:
    """Undistorted sightings of points in cameras that are known: M rows, sorted by track."""

    frames: Array  # (M,) int
    tracks: Array  # (M,) int
    positions: Array  # (M, 2) pixels


def triangulate(sightings: PointSightings, poses: Array, intrinsics: Array, track_count: int) -> Array:
    """(track_count, 3) points in world; NaN for tracks that less than two known cameras see.

    Args:
        poses: (F, 4, 4) camera_from_world; NaN where unknown.
        intrinsics: (F, 3, 3).
    """
    known = np.isfinite(poses[:, 0, 0])[sightings.frames]
    frames, tracks = sightings.frames[known], sightings.tracks[known]
    matrices = np.einsum("fij,fjk->fik", intrinsics, poses[:, :3])[frames]
    # Each sighting gives two rows of A x = 0; the weights make a row's residual a distance in the picture.
    rows = sightings.positions[known][:, :, None] * matrices[:, 2:3] - matrices[:, :2]
    rows /= np.linalg.norm(matrices[:, 2:3, :3], axis=2, keepdims=True) * intrinsics[frames][:, :1, :1]
    normal = np.zeros((track_count, 4, 4))
    np.add.at(normal, tracks, np.einsum("mki,mkj->mij", rows, rows))
    seen = np.bincount(tracks, minlength=track_count)
    points = np.full((track_count, 3), np.nan)
    enough = seen >= 2
    _, vectors = np.linalg.eigh(normal[enough])
    solution = vectors[:, :, 0]
    with np.errstate(divide="ignore", invalid="ignore"):
        points[enough] = solution[:, :3] / solution[:, 3:]
    points[~np.isfinite(points).all(1)] = np.nan
    return points


def residuals(sightings: PointSightings, points: Array, poses: Array, intrinsics: Array) -> Array:
    """(M,) distance in pixels; infinite behind the camera and where the point or the camera is unknown."""
    frames = sightings.frames
    pixels, depth = project(transform(poses[frames], points[sightings.tracks]), intrinsics[frames])
    distance = np.linalg.norm(pixels - sightings.positions, axis=1)
    return np.where(np.isfinite(distance) & (depth > 1e-9), distance, np.inf)


def ray_angles(sightings: PointSightings, points: Array, poses: Array) -> Array:
    """(N,) the angle in radians between a point's first and its farthest ray; 0 where unknown."""
    rotation = poses[:, :3, :3]
    centers = -np.einsum("fji,fj->fi", rotation, poses[:, :3, 3])
    rays = points[sightings.tracks] - centers[sightings.frames]
    rays /= np.linalg.norm(rays, axis=1, keepdims=True)
    known = np.isfinite(rays).all(1)
    tracks, rays = sightings.tracks[known], rays[known]
    widest = np.zeros(len(points))
    if not len(tracks):
        return widest
    starts = np.concatenate([[0], np.nonzero(np.diff(tracks))[0] + 1])
    first = np.repeat(rays[starts], np.diff(np.append(starts, len(tracks))), axis=0)
    np.maximum.at(widest, tracks, 2 * np.arcsin(np.clip(np.linalg.norm(rays - first, axis=1) / 2, 0, 1)))
    return widest
