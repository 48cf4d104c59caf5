"""The points of one frame, and of the fused background, with what the artist filters and colors them by."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .coordinates import blender_points
from .package import Package

POINT_CAP = 150_000  # a frame: what Blender still plays at footage speed
SHOT_CAP = 40_000_000  # all frames together: about 1 GB in memory and in the .blend, at 26 bytes a point


@dataclass(frozen=True)
class Cloud:
    """N points below the root, in Blender's axes; an attribute that is None is the same for all and left out."""

    positions: NDArray[np.float32]  # (N, 3)
    colors: NDArray[np.uint8]  # (N, 3) sRGB
    sizes: NDArray[np.float32]  # (N,) scene units: how wide one point's share of the picture is at its depth
    confidences: NDArray[np.float32] | None = None  # (N,) 0..1
    layers: NDArray[np.uint8] | None = None  # (N,)
    edges: NDArray[np.int8] | None = None  # (N,) percent: the largest jump of depth to a neighboring pixel, 0..100


def frame_cloud(package: Package, index: int, cap: int = POINT_CAP) -> Cloud:
    """Every pixel of known depth of the frame at `index`, as a point; evenly thinned to at most `cap`.

    A frame whose camera is unknown has no points.
    """
    if not package.known[index]:
        return _empty()
    depth = np.asarray(package.depth[index])
    pixels = np.flatnonzero((depth > 0).ravel() & np.isfinite(depth).ravel())
    count = min(len(pixels), cap)
    share = np.sqrt(np.ceil(len(pixels) / max(count, 1)))  # rounded up, so that points reach over those left out
    pixels = pixels[np.arange(count) * len(pixels) // max(count, 1)]
    z = depth.ravel()[pixels]
    mapping, intrinsics = package.manifest.footage_from_model, package.intrinsics[index]
    y, x = np.divmod(pixels, depth.shape[1])
    footage_x = (x + 0.5) * mapping.scale[0] + mapping.offset[0]
    footage_y = (y + 0.5) * mapping.scale[1] + mapping.offset[1]
    in_camera = np.stack(
        [
            (footage_x - intrinsics[0, 2]) / intrinsics[0, 0] * z,
            (footage_y - intrinsics[1, 2]) / intrinsics[1, 1] * z,
            z,
        ],
        axis=-1,
    )
    pose = package.camera_from_world[index]
    in_world = (in_camera - pose[:3, 3]) @ pose[:3, :3]
    return Cloud(
        positions=blender_points(in_world),
        colors=np.asarray(package.images[index]).reshape(-1, 3)[pixels],
        sizes=(z * (mapping.scale[0] / intrinsics[0, 0] * share)).astype(np.float32),
        confidences=np.asarray(package.confidence[index]).ravel()[pixels].astype(np.float32),
        layers=np.asarray(package.layers[index]).ravel()[pixels],
        edges=_depth_jumps(depth).ravel()[pixels],
    )


def frame_cap(package: Package) -> int:
    """How many points a frame may have, so that a long shot fits into memory as well."""
    return max(1, min(POINT_CAP, SHOT_CAP // len(package.frame_numbers)))


def background_cloud(package: Package) -> Cloud:
    """The fused still points; each as wide as the picture's pixel is in the camera that comes nearest to it."""
    positions = np.asarray(package.background_positions)
    finite = np.isfinite(positions).all(axis=1)
    positions, colors = positions[finite], np.asarray(package.background_colors)[finite]
    known = np.flatnonzero(package.known)
    sizes = np.full(len(positions), np.inf, np.float32)
    scale = package.manifest.footage_from_model.scale[0]
    for index in known[np.linspace(0, len(known) - 1, min(len(known), 8)).astype(int)]:
        forward, offset = package.camera_from_world[index, 2, :3], package.camera_from_world[index, 2, 3]
        size = (positions @ forward.astype(np.float32) + np.float32(offset)) * scale / package.intrinsics[index, 0, 0]
        sizes = np.where(size > 0, np.minimum(sizes, size), sizes).astype(np.float32)
    seen = np.isfinite(sizes)
    sizes[~seen] = np.median(sizes[seen]) if seen.any() else 0.01
    return Cloud(positions=blender_points(positions), colors=colors, sizes=sizes)


def layer_center(cloud: Cloud, layer: int) -> NDArray[np.float32] | None:
    """(3,) median of the points of one moving thing, or None where the frame does not show it."""
    if cloud.layers is None or not (mine := cloud.layers == layer).any():
        return None
    return np.asarray(np.median(cloud.positions[mine], axis=0), dtype=np.float32)


def _depth_jumps(depth: NDArray[np.float32]) -> NDArray[np.int8]:
    """(H, W) percent of the nearer depth by which it differs from the next pixel; unknown neighbors count for none."""
    jumps = np.zeros(depth.shape, np.float32)
    for near, far in (((slice(None), slice(1, None)), (slice(None), slice(-1))), ((slice(1, None),), (slice(-1),))):
        a, b = depth[near], depth[far]
        smaller = np.minimum(a, b)
        with np.errstate(divide="ignore", invalid="ignore"):
            jump = np.where(smaller > 0, np.abs(a - b) / smaller, 0)
        jumps[near] = np.maximum(jumps[near], jump)
        jumps[far] = np.maximum(jumps[far], jump)
    return np.minimum(np.ceil(np.nan_to_num(jumps, posinf=1.0) * 100), 100).astype(np.int8)


def _empty() -> Cloud:
    floats = np.empty(0, np.float32)
    return Cloud(np.empty((0, 3), np.float32), np.empty((0, 3), np.uint8), floats, floats, np.empty(0, np.uint8),
                 np.empty(0, np.int8))  # fmt: skip
