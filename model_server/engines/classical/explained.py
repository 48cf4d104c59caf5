"""How much of the picture cameras explain, near and far: what tells right ones from those that fit only a part."""

import numpy as np

from model_server.engines.classical.match_database import Sightings
from model_server.geometry.cameras import project
from model_server.geometry.lens import Distortion, undistort_pixels
from model_server.geometry.shot import Array
from model_server.geometry.triangulation import PointSightings, residuals, triangulate

_AGREE_PX = 3.0  # square pixels: as far off as the mapper lets its points be


def explained(sightings: Sightings, camera_from_world: Array, intrinsics: Array, distortion: Distortion) -> float:
    """The share of the sightings that a still point before the cameras explains, be it at infinity.

    What is far off shows no depth, so cameras that turn the scene inside out (behind a wrong lens, the far part fits a
    path the other way round as well) lose nothing there. What is near lies behind them then.

    Args:
        sightings: square pixels, as the lens shows them.
        camera_from_world: (F, 4, 4); what frames see that are NaN is not explained.
        intrinsics: (F, 3, 3), square pixels.
        distortion: of the lens.
    """
    known = np.isfinite(camera_from_world[:, 0, 0])[sightings.frames]
    if not known.any():
        return 0.0
    frames = sightings.frames[known]
    positions = undistort_pixels(sightings.positions[known], intrinsics[frames], distortion)
    seen = PointSightings(frames, sightings.tracks[known], positions)
    count = int(sightings.tracks.max()) + 1
    near = residuals(seen, triangulate(seen, camera_from_world, intrinsics, count), camera_from_world, intrinsics)
    far = _at_infinity(seen, camera_from_world, intrinsics, count)
    return float(np.count_nonzero(np.minimum(near, far) < _AGREE_PX) / len(known))


def _at_infinity(seen: PointSightings, camera_from_world: Array, intrinsics: Array, count: int) -> Array:
    """(M,) distance in pixels to where the mean direction of each track lies; infinite behind the camera."""
    rotations, lenses = camera_from_world[seen.frames, :3, :3], intrinsics[seen.frames]
    plane = np.column_stack([seen.positions, np.ones(len(seen.positions))])
    rays = np.linalg.solve(lenses, plane[:, :, None])[:, :, 0]
    rays = np.einsum("mji,mj->mi", rotations, rays / np.linalg.norm(rays, axis=1, keepdims=True))
    sums = np.stack([np.bincount(seen.tracks, rays[:, axis], minlength=count) for axis in range(3)], axis=1)
    pixels, depth = project(np.einsum("mij,mj->mi", rotations, sums[seen.tracks]), lenses)
    return np.where(depth > 0, np.linalg.norm(pixels - seen.positions, axis=1), np.inf)
