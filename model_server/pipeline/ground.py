"""Which way is up, and the plane that things stand on.

Operators keep the picture level, so the shot's own "up" is near the world's; the largest level surface below the
cameras makes it exact. Planes are found by RANSAC (M. Fischler and R. Bolles, 1981) among points whose surface lies
level.
"""

import numpy as np
from numpy.typing import NDArray

from model_server.geometry.cameras import inverse, pixel_centers, transform, unproject
from model_server.geometry.pixel_map import PixelMap
from model_server.geometry.shot import DepthMaps, FrameStatus, Ground, Solution, SolveMode

Array = NDArray[np.float64]

_ROLL, _PITCH = np.radians(2.0), np.radians(15.0)  # how far a camera is usually off the level, sideways and up or down
_FRAMES = 12  # looked at, spread over the shot
_STEP = 4  # pixels between the points looked at
_LEAST_CONFIDENCE = 0.1  # filled-in depth counts: floors without texture are mostly that
_LEVEL = np.cos(np.radians(35))  # how far a floor may be from what the cameras say
_MOST_ROLL = np.radians(6)  # of the cameras above their floor, root mean square
_POINTS = 4000
_DRAWS = 600
_THICKNESS = 0.01  # of a floor, a share of the median distance to the points
_LEAST_SHARE = 0.1  # of the level points that must lie on the floor
_REFINEMENTS = 5


def find_ground(solution: Solution, depth: DepthMaps, pixels: PixelMap) -> Ground:
    """Up and floor of the shot.

    Args:
        solution: cameras; where none is known, up is that of the first frame's picture.
        depth: (F, H, W); used where the confidence is 0.1 or more. Moving things are outvoted.
        pixels: model <-> footage.

    Returns:
        Up as a unit vector in world, and the floor with its normal = up. No floor where no level surface is seen
        below the cameras, or where nothing can be measured (tripod).
    """
    known = np.flatnonzero(solution.status != FrameStatus.UNKNOWN)
    if not len(known):
        return Ground(np.array([0.0, -1.0, 0.0]), None)
    cameras = solution.camera_from_world[known]
    up = _level_up(cameras)
    if solution.mode is SolveMode.TRIPOD:
        return Ground(up, None)
    points, normals = _surface(solution, depth, pixels, known[:: -(-len(known) // _FRAMES)])
    centers = inverse(cameras)[:, :3, 3]
    level = (normals @ up > _LEVEL) & (points @ up < (centers @ up).min())
    floor = _find_floor(points, level, cameras)
    return Ground(up, None) if floor is None else Ground(floor[:3], floor)


def floor_depth(pixel: Array, camera_from_world: Array, intrinsics: Array, floor: Array | None) -> float:
    """Depth at which the ray through a (2,) footage pixel meets the (4,) floor; NaN where it does not."""
    if floor is None:
        return float("nan")
    normal = camera_from_world[:3, :3] @ floor[:3]
    offset = floor[3] - normal @ camera_from_world[:3, 3]
    ray = unproject(pixel, np.array(1.0), intrinsics)
    slope = float(normal @ ray)
    return -float(offset) / slope if abs(slope) > 1e-3 and -offset / slope > 0 else float("nan")


def _level_up(camera_from_world: Array) -> Array:
    """(3,) what is most square to the x axes of all cameras (few roll), and not far from their mean up (more pitch)."""
    right, up = camera_from_world[:, 0, :3], -camera_from_world[:, 1, :3].mean(axis=0)
    trust = (_ROLL / _PITCH) ** 2
    direction = np.linalg.solve(right.T @ right / len(right) + trust * np.eye(3), trust * up)
    return np.asarray(direction / np.linalg.norm(direction))


def _surface(solution: Solution, depth: DepthMaps, pixels: PixelMap, frames: NDArray[np.intp]) -> tuple[Array, Array]:
    """(N, 3) points in world and the normals of their surface, towards the camera."""
    height, width = depth.depth.shape[1:]
    centers = pixels.footage_from_model(pixel_centers(width, height)[::_STEP, ::_STEP])
    all_points, all_normals = [np.zeros((0, 3))], [np.zeros((0, 3))]
    for frame in frames:
        distance = depth.depth[frame, ::_STEP, ::_STEP].astype(np.float64)
        world_from_camera = inverse(solution.camera_from_world[frame])
        points = transform(world_from_camera, unproject(centers, distance, solution.intrinsics[frame]))
        trusted = depth.confidence[frame, ::_STEP, ::_STEP] >= _LEAST_CONFIDENCE
        corner = trusted[1:-1, 1:-1] & trusted[1:-1, 2:] & trusted[1:-1, :-2] & trusted[2:, 1:-1] & trusted[:-2, 1:-1]
        normals = np.cross(points[2:, 1:-1] - points[:-2, 1:-1], points[1:-1, 2:] - points[1:-1, :-2])
        length = np.linalg.norm(normals, axis=-1)
        corner &= length > 0
        all_points.append(points[1:-1, 1:-1][corner])
        all_normals.append(normals[corner] / length[corner][:, None])
    return np.concatenate(all_points), np.concatenate(all_normals)


def _find_floor(points: Array, level: NDArray[np.bool_], camera_from_world: Array) -> Array | None:
    """(4,) the plane with the most level points on it, less those that lie below it; None where there is none."""
    random = np.random.default_rng(0)
    if np.count_nonzero(level) < 3:
        return None
    on = random.permutation(points[level])[:_POINTS]
    everything = random.permutation(points)[:_POINTS]
    center, up = np.median(inverse(camera_from_world)[:, :3, 3], axis=0), _level_up(camera_from_world)
    thickness = _THICKNESS * float(np.median(np.linalg.norm(everything - center, axis=1)))
    corners = on[random.integers(len(on), size=(_DRAWS, 3))]
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    normals *= np.where(normals @ up < 0, -1, 1)[:, None]
    length = np.linalg.norm(normals, axis=1)
    normals /= np.maximum(length, 1e-12)[:, None]
    roll = np.sqrt(np.mean((camera_from_world[:, 0, :3] @ normals.T) ** 2, axis=0))
    usable = (normals @ up > _LEVEL) & (roll < np.sin(_MOST_ROLL))
    if not usable.any():
        return None
    normals = normals[usable]
    offsets = -np.einsum("ij,ij->i", normals, corners[usable, 0])
    hits = (np.abs(normals @ on.T + offsets[:, None]) < thickness).mean(axis=1)
    below = (normals @ everything.T + offsets[:, None] < -4 * thickness).mean(axis=1)
    best = int(np.argmax(hits - below))
    if hits[best] < _LEAST_SHARE:
        return None
    return _refined(on, normals[best], float(offsets[best]), thickness)


def _refined(points: Array, normal: Array, offset: float, thickness: float) -> Array:
    for _ in range(_REFINEMENTS):
        near = points[np.abs(points @ normal + offset) < thickness]
        middle = near.mean(axis=0)
        across = np.linalg.eigh((near - middle).T @ (near - middle))[1][:, 0]
        normal = across * np.sign(across @ normal)
        offset = -float(normal @ middle)
    return np.append(normal, offset)
