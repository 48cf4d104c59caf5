"""A calmer camera than the one that was measured, and what that costs in pixels.

Rotation, position and, in a zoom, focal length go through the same low-pass: penalized least squares on third
differences (E. Whittaker 1923; P. Eilers, "A perfect smoother", Analytical Chemistry 2003). It delays nothing, leaves a
camera alone that moves evenly or gathers speed evenly, and needs no frames beyond the ends of the shot.
"""

from dataclasses import replace

import numpy as np
from scipy.linalg import solveh_banded
from scipy.spatial.transform import Rotation

from model_server.geometry.cameras import inverse, project, transform
from model_server.geometry.lens import distort_pixels, undistort_pixels
from model_server.geometry.shot import Array, FrameStatus, Solution

_SHORTEST, _LONGEST = 2.0, 32.0  # frames: nothing swings faster than every second one; 32 is a second and a third
_DIFFERENCE = (-1.0, 3.0, -3.0, 1.0)  # the third: what is quadratic in time stays as it is
_ORDER = len(_DIFFERENCE) - 1
_INTERPOLATED = 0.1  # weight of a frame that was not measured


def smoothed(solution: Solution, strength: float) -> Solution:
    """The solution with a smoother camera; points stay where they are, errors are measured again.

    Args:
        strength: 0 changes nothing, 1 is the most; see `cutoff_frames`.

    Returns:
        World is the first camera again. The assumptions say how strong it was and what it did to the median error.
    """
    if strength <= 0:
        return solution
    poses, intrinsics = solution.camera_from_world.copy(), solution.intrinsics.copy()
    weights = np.where(solution.status == FrameStatus.INTERPOLATED, _INTERPOLATED, 1.0)
    period = cutoff_frames(strength)
    for run in _runs(np.isfinite(poses[:, 0, 0])):
        poses[run] = _smooth_poses(poses[run], weights[run], period)
        intrinsics[run] = _smooth_focals(intrinsics[run], weights[run], period)
    return _measured(replace(solution, camera_from_world=poses, intrinsics=intrinsics), solution, strength)


def cutoff_frames(strength: float) -> float:
    """How long a swing is that comes out half as wide, in frames; shorter ones lose more, longer ones less.

    Every step of a quarter doubles it: 4 frames at 0.25, 8 at 0.5, 32 at 1.
    """
    return float(_SHORTEST * (_LONGEST / _SHORTEST) ** strength)


def low_pass(values: Array, weights: Array, period: float) -> Array:
    """Values (F, n), one row a frame, without swings much shorter than `period` frames; the weights (F,) are over 0."""
    count = len(values)
    if count <= _ORDER:
        return values
    penalty = (2 * np.sin(np.pi / period)) ** (-2 * _ORDER)
    rows, size = count - _ORDER, len(_DIFFERENCE)
    banded = np.zeros((size, count))  # the upper band, as LAPACK wants it
    for offset in range(size):
        for first in range(size - offset):
            last = first + offset
            banded[_ORDER - offset, last : last + rows] += penalty * _DIFFERENCE[first] * _DIFFERENCE[last]
    banded[_ORDER] += weights
    return np.asarray(solveh_banded(banded, weights[:, None] * values))


def _smooth_poses(poses: Array, weights: Array, period: float) -> Array:
    """Camera centers and rotations smoothed apart.

    Quaternions go through the filter as vectors and are made unit again: a turn of the world, or of the camera, before
    or after it then gives the same.
    """
    world_from_camera = inverse(poses)
    turns = Rotation.from_matrix(world_from_camera[:, :3, :3]).as_quat()
    flips = np.cumprod(np.where((turns[1:] * turns[:-1]).sum(1) < 0, -1.0, 1.0))
    turns[1:] *= flips[:, None]  # neighbors on one side: q and -q are the same rotation
    result = world_from_camera.copy()
    result[:, :3, :3] = Rotation.from_quat(low_pass(turns, weights, period)).as_matrix()
    result[:, :3, 3] = low_pass(world_from_camera[:, :3, 3], weights, period)
    return inverse(result)


def _smooth_focals(intrinsics: Array, weights: Array, period: float) -> Array:
    focals = intrinsics[:, 0, 0]
    if np.ptp(focals) == 0:
        return intrinsics
    ratio = np.exp(low_pass(np.log(focals)[:, None], weights, period)[:, 0]) / focals
    result = intrinsics.copy()
    result[:, [0, 1], [0, 1]] *= ratio[:, None]
    return result


def _measured(calm: Solution, before: Solution, strength: float) -> Solution:
    """`calm` with the errors that its cameras have, in the world of its first camera."""
    observations = _observed(calm, before)
    point, frame = observations[:, :2].astype(np.int64).T
    local = transform(calm.camera_from_world[frame], calm.points[point].astype(np.float64))
    pixels, _ = project(local, calm.intrinsics[frame])
    square = calm.intrinsics[frame, 1, 1] / calm.intrinsics[frame, 0, 0]  # widths in heights of a pixel
    offsets = pixels - observations[:, 2:]
    errors = np.hypot(offsets[:, 0] * square, offsets[:, 1])
    by_frame = np.full(len(calm.status), np.nan, np.float32)
    for index in np.unique(frame):
        by_frame[index] = np.median(errors[frame == index])
    median = float(np.median(errors)) if len(errors) else float("nan")
    known = np.flatnonzero(np.isfinite(calm.camera_from_world[:, 0, 0]))
    first = calm.camera_from_world[known[0]]
    words = (
        f"smoothing {strength:g}: swings shorter than {cutoff_frames(strength):.0f} frames are damped;"
        f" median error from {before.median_px:.2f} to {median:.2f} px"
    )
    return replace(
        calm,
        camera_from_world=calm.camera_from_world @ inverse(first),
        points=transform(first, calm.points.astype(np.float64)).astype(np.float32),
        observations=observations,
        reprojection_px=by_frame,
        median_px=median,
        mean_px=float(errors.mean()) if len(errors) else float("nan"),
        assumptions=(*before.assumptions, words),
    )


def _observed(calm: Solution, before: Solution) -> Array:
    """The sightings undistorted with the smoothed focal lengths; the plate that they were found on is the same."""
    observations = before.observations
    if before.distortion.is_pinhole or np.array_equal(calm.intrinsics, before.intrinsics):
        return observations
    result = observations.copy()
    for index in np.unique(observations[:, 1]).astype(int):
        rows = observations[:, 1] == index
        flat = observations[rows, 2:].astype(np.float64)
        plate = distort_pixels(flat, before.intrinsics[index], before.distortion)
        result[rows, 2:] = undistort_pixels(plate, calm.intrinsics[index], calm.distortion)
    return result


def _runs(known: Array) -> list[slice]:
    """Stretches of frames that follow on each other."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], known.astype(np.int8), [0]])))
    return [slice(int(start), int(stop)) for start, stop in edges.reshape(-1, 2)]
