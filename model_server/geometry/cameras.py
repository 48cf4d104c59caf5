"""Pinhole cameras: OpenCV axes (x right, y down, z forward), pixels with (0, 0) at the image's corner."""

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def inverse(transforms: Array) -> Array:
    """(..., 4, 4) rigid `b_from_a` to `a_from_b`."""
    rotation = np.swapaxes(transforms[..., :3, :3], -1, -2)
    result = np.zeros_like(transforms)
    result[..., :3, :3] = rotation
    result[..., :3, 3:] = -rotation @ transforms[..., :3, 3:]
    result[..., 3, 3] = 1
    return result


def transform(b_from_a: Array, points: Array) -> Array:
    """(4, 4) or (..., 4, 4) applied to (..., 3) points."""
    return np.asarray(np.einsum("...ij,...j->...i", b_from_a[..., :3, :3], points) + b_from_a[..., :3, 3])


def project(points: Array, intrinsics: Array) -> tuple[Array, Array]:
    """(..., 3) points in camera axes to (..., 2) undistorted pixels and (...) depth along the optical axis."""
    depth = points[..., 2]
    safe = np.where(np.abs(depth) < 1e-12, 1e-12, depth)
    rays = points / safe[..., None]
    return np.asarray(np.einsum("...ij,...j->...i", intrinsics, rays)[..., :2]), np.asarray(depth)


def unproject(pixels: Array, depth: Array, intrinsics: Array) -> Array:
    """(..., 2) undistorted pixels and (...) depth to (..., 3) points in camera axes."""
    focal = np.diagonal(intrinsics, axis1=-2, axis2=-1)[..., :2]
    rays = (pixels - intrinsics[..., :2, 2]) / focal
    return np.concatenate([rays * depth[..., None], depth[..., None]], axis=-1)


def pixel_centers(width: int, height: int) -> Array:
    """(height, width, 2) of x, y: the first pixel's center is (0.5, 0.5)."""
    x, y = np.meshgrid(np.arange(width) + 0.5, np.arange(height) + 0.5)
    return np.stack([x, y], axis=-1)
