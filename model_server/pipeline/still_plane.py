"""Where a patch of a picture would go if it were part of a plane that stands still."""

import numpy as np
from scipy.optimize import least_squares

from model_server.geometry.cameras import inverse, project, transform, unproject
from model_server.geometry.shot import Array, Solution, SolveMode

_DEPTHS = np.geomspace(1, 1 / 64, 13)  # times the nearest, that are tried first


def still_places(start: Array, places: Array, index: int, frames: Array, solution: Solution, nearest: float) -> Array:
    """The places nearest to those given, that points of one still plane can have.

    Three numbers, the plane's inverse depth and its slopes, are fitted to all frames at once, robustly; seen by a
    camera that only turns, no plane can be told from another, and there is nothing to fit.

    Args:
        start: (N, 2) footage pixels of the points in frame `index`.
        places: (n, N, 2) footage pixels where they were seen in `frames`, (n,) indices of frames with a camera.
        nearest: the largest inverse depth that the shot has.

    Returns:
        (n, N, 2) footage pixels.
    """
    poses, lenses = solution.camera_from_world, solution.intrinsics
    rays = unproject(start, np.ones(len(start)), lenses[index])
    turns = poses[frames] @ inverse(poses[index])
    away = start - start.mean(axis=0)
    slopes = away / max(1.0, float(np.abs(away).max()))

    def seen(plane: Array) -> Array:
        # A point at inverse depth w is, but for scale, its ray and w times the way of the camera.
        inverse_depth = plane[0] + slopes @ plane[1:]
        points = transform(turns[:, None], np.zeros(3)) * inverse_depth[:, None]
        points = points + np.einsum("fij,nj->fni", turns[:, :3, :3], rays)
        return project(points, lenses[frames][:, None])[0]

    if solution.mode is SolveMode.TRIPOD:
        return seen(np.zeros(3))
    first = min(nearest * _DEPTHS, key=lambda depth: float(np.abs(seen(np.array([depth, 0, 0])) - places).mean()))
    fitted = least_squares(
        lambda plane: (seen(plane) - places).ravel(),
        np.array([first, 0, 0]),
        x_scale=first,
        loss="soft_l1",
        max_nfev=30,
    )
    return seen(fitted.x)
