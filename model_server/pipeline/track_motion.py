"""What tracks say of motion: those that the cameras explain for long stand still, those they can't explain move.

A track sees far less than the dense flow, but over a much longer time and to a tenth of a pixel: a thing that comes
slowly along the view betrays itself only there, and stripes that the flow takes for each other are held still by it.
"""

import cv2
import numpy as np

from model_server.geometry.lens import undistort_pixels
from model_server.geometry.pixel_map import PixelMap
from model_server.geometry.shot import Array, Geometry, Solution, Tracks
from model_server.geometry.triangulation import PointSightings, residuals, triangulate

# Over less than these sightings a thing that moves may look still (of the sightings that the solve keeps, 1 in 300 lies
# on one; of those of longer tracks 1 in 3000), or a corner may slip.
_STILL_SIGHTINGS, _MOVING_SIGHTINGS = 8, 6
_BROKEN_SIGHTINGS = 4  # for tracks that break the epipolar geometry itself
_SIGMAS = 5.0  # times the common error of a track, beyond which no still point explains it
_STILL, _MOVING, _BROKEN = -2.0, 1.5, 0.5  # evidence; corners slip, and pairs of frames err, so motion counts less
_SPREAD = 1 / 80  # of the picture's longer side: standard deviation of the reach of a sighting
_SILENCE = 0.3  # the weight of hearing nothing, in sightings at the place itself


class TrackMotion:
    """Evidence of every frame; 0 where no track has anything to say."""

    def __init__(
        self, pixels: PixelMap, solution: Solution, geometry: Geometry, tracks: Tracks, size: tuple[int, int]
    ) -> None:
        """`size` is (height, width) of the model's images."""
        self._pixels, self._size = pixels, size
        flat = _undistorted(tracks, solution)
        known, rows = np.isfinite(flat[:, 0]), np.column_stack([tracks.frame_indices, flat])
        moving = _unexplained(tracks, flat, solution)
        broken = _broken(tracks, geometry) & ~moving
        points = solution.observations[:, 0].astype(np.int64)
        long = np.bincount(points, minlength=1)[points] >= _STILL_SIGHTINGS
        still = np.asarray(solution.observations[long, 1:], np.float64)
        self._said = (
            (rows[known & broken[tracks.track_ids]], _BROKEN),
            (rows[known & moving[tracks.track_ids]], _MOVING),
            (still, _STILL),
        )

    def frame(self, index: int) -> Array:
        """(H, W) float32, -2 still .. 1.5 moving: what the tracks around say on average."""
        spread = _SPREAD * max(self._size)
        peak = 1 / (2 * np.pi * spread**2)
        said, heard = np.zeros(self._size, np.float32), np.full(self._size, _SILENCE * peak, np.float32)
        for sightings, says in self._said:
            near = cv2.GaussianBlur(self._seen(sightings, index), (0, 0), spread)
            said += says * near
            heard += near
        return np.asarray(said / heard)

    def _seen(self, sightings: Array, index: int) -> Array:
        """(H, W) float32: 1 at the frame's rows of (M, 3) frame, x, y in undistorted footage pixels."""
        here = sightings[sightings[:, 0] == index, 1:]
        found = np.zeros(self._size, np.float32)
        x, y = np.floor(self._pixels.model_from_footage(here)).astype(np.int64).T
        inside = (x >= 0) & (x < self._size[1]) & (y >= 0) & (y < self._size[0])
        found[y[inside], x[inside]] = 1
        return found


def _undistorted(tracks: Tracks, solution: Solution) -> Array:
    """(M, 2) footage pixels; NaN in frames without a lens."""
    flat = np.full(tracks.positions.shape, np.nan)
    for index in np.unique(tracks.frame_indices):
        lens, seen = solution.intrinsics[index], tracks.frame_indices == index
        if np.isfinite(lens).all():
            flat[seen] = undistort_pixels(tracks.positions[seen].astype(np.float64), lens, solution.distortion)
    return flat


def _broken(tracks: Tracks, geometry: Geometry) -> Array:
    """(track_count,) bool: tracks that break the epipolar geometry of some pairs of frames."""
    length = np.bincount(tracks.track_ids, minlength=tracks.track_count)
    static = geometry.static_tracks
    broken = np.zeros(len(length), bool) if static is None else ~np.asarray(static, bool)
    return np.asarray(broken & (length >= _BROKEN_SIGHTINGS))


def _unexplained(tracks: Tracks, flat: Array, solution: Solution) -> Array:
    """(track_count,) bool: tracks that no still point explains over all their sightings."""
    count = tracks.track_count
    seen = np.isfinite(flat[:, 0]) & np.isfinite(solution.camera_from_world[tracks.frame_indices, 0, 0])
    if not seen.any():
        return np.zeros(count, bool)
    sightings = PointSightings(tracks.frame_indices[seen], tracks.track_ids[seen], flat[seen])
    points = triangulate(sightings, solution.camera_from_world, solution.intrinsics, count)
    away = residuals(sightings, points, solution.camera_from_world, solution.intrinsics)
    known = np.isfinite(away)
    squares = np.bincount(sightings.tracks[known], away[known] ** 2, minlength=count)
    times = np.bincount(sightings.tracks[known], minlength=count)
    error = np.sqrt(squares / np.maximum(times, 1))
    judged = times >= _MOVING_SIGHTINGS
    common = float(np.median(error[judged])) if judged.any() else np.inf
    return np.asarray(judged & (error > _SIGMAS * common))
