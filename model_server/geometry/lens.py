"""Radial lens distortion in OpenCV's terms: x_d = x (1 + k1 r^2 + k2 r^4 + k3 r^6), x in normalized coordinates."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Distortion:
    """Coefficients of the polynomial; all zero is a pinhole."""

    k1: float = 0.0
    k2: float = 0.0
    k3: float = 0.0

    @property
    def is_pinhole(self) -> bool:
        return self.k1 == self.k2 == self.k3 == 0.0


def distort(points: Array, lens: Distortion) -> Array:
    """(..., 2) undistorted normalized coordinates to distorted ones."""
    r2 = np.sum(points**2, axis=-1, keepdims=True)
    return np.asarray(points * (1 + r2 * (lens.k1 + r2 * (lens.k2 + r2 * lens.k3))))


def undistort(points: Array, lens: Distortion, iterations: int = 20) -> Array:
    """(..., 2) distorted normalized coordinates to undistorted ones, by Newton's method on the radius.

    Where the polynomial folds over (beyond its turning point) the radius stays at the turning point.
    """
    if lens.is_pinhole:
        return np.asarray(points, np.float64)
    distorted = np.linalg.norm(points, axis=-1)
    limit = turning_radius(lens)
    radius = np.minimum(distorted, limit)
    for _ in range(iterations):
        r2 = radius**2
        value = radius * (1 + r2 * (lens.k1 + r2 * (lens.k2 + r2 * lens.k3))) - distorted
        slope = 1 + r2 * (3 * lens.k1 + r2 * (5 * lens.k2 + r2 * 7 * lens.k3))
        radius = np.clip(radius - value / np.maximum(slope, 1e-9), 0.0, np.minimum(limit, 10 * distorted))
    return np.asarray(points * (radius / np.maximum(distorted, 1e-12))[..., None])


def is_plausible(focal_per_long_side: float, k1: float) -> bool:
    """Whether a lens like this is ever put on a film or video camera: 8 to 120 degrees wide, not bent beyond sense."""
    return 0.29 <= focal_per_long_side <= 7.2 and abs(k1) <= 0.5


def turning_radius(lens: Distortion) -> float:
    """Undistorted radius up to which distortion grows, normalized; infinite where it always does."""
    roots = np.roots([7 * lens.k3, 5 * lens.k2, 3 * lens.k1, 1.0])
    squares = [root.real for root in roots if abs(root.imag) < 1e-12 and root.real > 0]
    return float(np.sqrt(min(squares))) if squares else float("inf")


def distort_pixels(pixels: Array, intrinsics: Array, lens: Distortion) -> Array:
    """(..., 2) undistorted footage pixels to plate pixels; intrinsics (3, 3) or (..., 3, 3)."""
    focal, center = _focal_and_center(intrinsics)
    return np.asarray(distort((pixels - center) / focal, lens) * focal + center)


def undistort_pixels(pixels: Array, intrinsics: Array, lens: Distortion) -> Array:
    """(..., 2) plate pixels to undistorted footage pixels; intrinsics (3, 3) or (..., 3, 3)."""
    focal, center = _focal_and_center(intrinsics)
    return np.asarray(undistort((pixels - center) / focal, lens) * focal + center)


def _focal_and_center(intrinsics: Array) -> tuple[Array, Array]:
    return np.diagonal(intrinsics, axis1=-2, axis2=-1)[..., :2], intrinsics[..., :2, 2]
