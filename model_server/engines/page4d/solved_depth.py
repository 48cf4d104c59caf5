"""The network's depth, made consistent with the solved cameras."""

from dataclasses import replace

import numpy as np

from model_server.engines.classical.stereo import dense_depth
from model_server.engines.page4d.depth_scale import DepthScale, depth_scale
from model_server.geometry.cameras import transform
from model_server.geometry.lens import distort_pixels
from model_server.geometry.pixel_map import PixelMap
from model_server.geometry.shot import Array, DepthMaps, Geometry, Progress, Solution, SolveMode
from model_server.geometry.straight_maps import straight_depth, straight_map

_MEASURED = 0.1  # relative error at the points up to which the depth counts as measured
_GUESS = 0.49  # most confidence that depth with larger errors keeps
_USELESS = 0.4  # relative error at the points from which on it is not this scene's depth at all
NO_SCALE = "the camera stays in one place: the network's depth has nothing to be held to, and is left out"
_NEAREST = 0.05  # of a frame's median depth: a shift may not take depth nearer to the camera


def solved_depth(
    images: Array, pixels: PixelMap, geometry: Geometry, solution: Solution, progress: Progress
) -> DepthMaps:
    """The network's depth on the undistorted image, in the solution's unit; of moving things too.

    A scale for every frame comes from the solved points seen in it (`depth_scale`); frames without a pose get theirs
    from the frames around them. The network's confidence is kept, unless its depth is off by more than 10 % at the
    points: then all of it counts as a guess. Depth that has nothing to do with the points is left alone, and stereo
    measures what stands still instead. The points of a tripod have no depth to hold the network's to: it is left out.

    Args:
        images: (F, H, W, 3) uint8, undistorted.
        geometry: depth (F, H, W) and confidence on the distorted plate, in a unit of its own.
    """
    if geometry.depth is None or geometry.confidence is None:
        return dense_depth(images, pixels, solution, progress)
    if solution.mode is SolveMode.TRIPOD:
        return replace(dense_depth(images, pixels, solution, progress), notes=(NO_SCALE,))
    plate_depth, plate_confidence = geometry.depth, geometry.confidence
    fit = _fit(plate_depth, pixels, solution)
    if fit.spread > _USELESS:
        note = "the network's depth does not fit the solved points: depth comes from stereo, of what stands still"
        return replace(dense_depth(images, pixels, solution, progress), notes=(note,))
    is_guess = fit.spread > _MEASURED  # for the whole shot: confidence must not flicker
    notes = (f"the network's depth is a guess: it is off by {fit.spread:.0%} at the solved points",) if is_guess else ()
    most = _GUESS if is_guess else 1.0
    depth, confidence = np.zeros(images.shape[:3], np.float32), np.zeros(images.shape[:3], np.float16)
    for frame in range(len(images)):
        lens = solution.intrinsics[frame], solution.distortion
        found = straight_depth(plate_depth[frame], pixels, *lens)
        depth[frame] = _scaled(found, float(fit.scales[frame]), fit.shift)
        trust = straight_map(plate_confidence[frame], pixels, *lens)
        confidence[frame] = np.where(found > 0, np.minimum(trust, most), 0)
        progress((frame + 1) / len(images))
    return DepthMaps(depth, confidence, knows_moving=True, notes=notes)


def _scaled(found: Array, scale: float, shift: float) -> Array:
    """(H, W) depth in the solution's unit; what is unknown stays 0."""
    known = found > 0
    if not known.any():
        return found
    nearest = _NEAREST * float(np.median(found[known]))
    return np.where(known, scale * np.maximum(found + shift, nearest), 0)


def _fit(depth: Array, pixels: PixelMap, solution: Solution) -> DepthScale:
    """Solved points against the network's depth at the plate pixels where they are seen."""
    point, frames = solution.observations[:, :2].astype(np.int64).T
    poses = solution.camera_from_world[frames]
    true = transform(poses, solution.points[point].astype(np.float64))[:, 2]
    straight = solution.observations[:, 2:].astype(np.float64)
    plate = distort_pixels(straight, solution.intrinsics[frames], solution.distortion)
    height, width = depth.shape[1:]
    x, y = np.clip(np.floor(pixels.model_from_footage(plate)).astype(np.int64), 0, [width - 1, height - 1]).T
    found = np.asarray(depth[frames, y, x], np.float64)
    usable = (found > 0) & (true > 0)
    return depth_scale(frames[usable], found[usable], true[usable], len(depth))
