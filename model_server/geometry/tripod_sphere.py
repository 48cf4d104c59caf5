"""Where still things are put that nothing tells the distance of: on a sphere around a camera that only turns."""

import numpy as np
from numpy.typing import NDArray

from model_server.geometry.cameras import pixel_centers, unproject
from model_server.geometry.pixel_map import PixelMap
from model_server.geometry.plate_area import plate_area
from model_server.geometry.shot import DepthMaps, FrameStatus, Progress, Solution

RADIUS = 5.0  # scene units, as far as the median of other scenes


def sphere_depth(width: int, height: int, pixels: PixelMap, solution: Solution, progress: Progress) -> DepthMaps:
    """Depth along the optical axis of a sphere of radius 5 around the camera; confidence 0, for nobody measured it.

    Args:
        width, height: of the model's images.
        pixels: model <-> footage.
        solution: cameras that all stand in one place; frames without one have depth 0.
    """
    frame_count = len(solution.status)
    depth = np.zeros((frame_count, height, width), np.float32)
    centers = pixels.footage_from_model(pixel_centers(width, height))
    for frame in np.flatnonzero(solution.status != FrameStatus.UNKNOWN):
        depth[frame] = _sphere(centers, solution.intrinsics[frame])
        depth[frame][~plate_area(width, height, pixels, solution.intrinsics[frame], solution.distortion)] = 0
        progress((frame + 1) / frame_count)
    return DepthMaps(depth, np.zeros(depth.shape, np.float16))


def _sphere(pixels: NDArray[np.float64], intrinsics: NDArray[np.float64]) -> NDArray[np.float64]:
    rays = unproject(pixels, np.ones(pixels.shape[:-1]), intrinsics)
    return np.asarray(RADIUS / np.linalg.norm(rays, axis=-1))
