"""Which frames to compare a frame with, and which depths to look for there.

What makes depth measurable is the angle between two lines of sight, not the number of frames between: small angles
match safely, large ones measure finely, so every frame gets both (M. Goesele et al., "Multi-view stereo for community
photo collections", ICCV 2007). They come from before and after it, since what hides a place usually does so on one side
of the move (S. Kang, R. Szeliski, J. Chai, CVPR 2001).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from model_server.geometry.cameras import inverse, project, transform
from model_server.geometry.shot import FrameStatus, Solution

Array = NDArray[np.float64]

ANGLES = np.radians([1.5, 3.0, 6.0])  # wanted on each side in time
OTHER_ANGLES = np.radians([2.2, 4.5, 8.0])  # wanted in place of what a side can't give
LEAST_ANGLE = np.radians(0.05)  # below it there is nothing to measure
LEAST_SHARED = 0.4  # of a frame's points that the other must see too
LEAST_POINTS = 8  # a frame that sees fewer is not understood well enough
POINTS_LOOKED_AT = 2000
FARTHER, NEARER = 0.5, 1.5  # how far the search goes beyond what the solved points show, in inverse depth
PLANES = 96


@dataclass(frozen=True)
class FramePlan:
    sources: tuple[int, ...]  # frames to compare with
    inverse_depths: Array  # (D,) planes to try, evenly spaced


def plan_frames(solution: Solution, width: int, height: int) -> list[FramePlan | None]:
    """A plan for every frame; None where its camera is unknown or nothing can be measured.

    Args:
        width, height: of the undistorted footage, pixels.
    """
    step = max(1, len(solution.points) // POINTS_LOOKED_AT)
    points = solution.points[::step].astype(np.float64)
    known = (solution.status != FrameStatus.UNKNOWN) & np.isfinite(solution.camera_from_world).all(axis=(1, 2))
    cameras = np.where(known[:, None, None], solution.camera_from_world, np.eye(4))
    pixels, depth = project(transform(cameras[:, None], points), solution.intrinsics[:, None])
    seen = (pixels >= 0).all(-1) & (pixels < [width, height]).all(-1) & (depth > 0) & known[:, None]
    centers = inverse(cameras)[:, :3, 3]
    return [_plan(frame, points, centers, seen, depth[frame]) for frame in range(len(known))]


def _plan(frame: int, points: Array, centers: Array, seen: NDArray[np.bool_], depth: Array) -> FramePlan | None:
    visible = seen[frame]
    if visible.sum() < LEAST_POINTS:
        return None
    sources = _sources(frame, points[visible], centers, seen[:, visible])
    if not sources:
        return None
    far, near = np.percentile(1 / depth[visible], [1, 99])
    return FramePlan(sources, np.linspace(far * FARTHER, near * NEARER, PLANES))


def _sources(frame: int, points: Array, centers: Array, seen: NDArray[np.bool_]) -> tuple[int, ...]:
    angles = _median_angles(frame, points, centers, seen)
    usable = (seen.mean(axis=1) >= LEAST_SHARED) & (angles > LEAST_ANGLE)
    usable[frame] = False
    index = np.arange(len(centers))
    chosen: list[int] = []
    for side in (index < frame, index > frame):
        chosen += _nearest_angles(angles, usable & side, ANGLES, chosen)
    missing = 2 * len(ANGLES) - len(chosen)
    chosen += _nearest_angles(angles, usable, OTHER_ANGLES[:missing], chosen)
    return tuple(sorted(chosen))


def _median_angles(frame: int, points: Array, centers: Array, seen: NDArray[np.bool_]) -> Array:
    """(F,) between the lines of sight from `frame` and from each frame, over the points that both see."""
    rays = points - centers[:, None]
    rays /= np.maximum(np.linalg.norm(rays, axis=-1, keepdims=True), 1e-12)
    cosines = np.einsum("fnj,nj->fn", rays, rays[frame])
    angles = np.where(seen, np.arccos(np.clip(cosines, -1, 1)), np.nan)
    angles[~seen.any(axis=1)] = 0.0
    return np.asarray(np.nanmedian(angles, axis=1))


def _nearest_angles(angles: Array, usable: NDArray[np.bool_], wanted: Array, taken: list[int]) -> list[int]:
    chosen: list[int] = []
    for angle in wanted:
        left = usable.copy()
        left[[*taken, *chosen]] = False
        if not left.any():
            break
        misfit = np.where(left, np.abs(np.log(np.maximum(angles, LEAST_ANGLE) / angle)), np.inf)
        chosen.append(int(np.argmin(misfit)))
    return chosen
