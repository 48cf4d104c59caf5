"""From intrinsics in pixels to the numbers on a Blender camera, and the plate's distortion."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

FILM_BACK_MM = 36.0  # along the longer side of the picture; the package knows the lens in pixels only


@dataclass(frozen=True)
class BlenderLens:
    """A pinhole lens as Blender's camera and render settings want it; one value a frame where it is an array."""

    sensor_fit: str  # "HORIZONTAL" | "VERTICAL": the longer side, so that neither Blender nor an artist has to guess
    focal_mm: Array  # (frames,)
    shift_x: Array  # (frames,)
    shift_y: Array  # (frames,)
    pixel_aspect_x: float
    pixel_aspect_y: float
    sensor_mm: float = FILM_BACK_MM


@dataclass(frozen=True)
class Distortion:
    """x_d = x (1 + k1 r^2 + k2 r^4 + k3 r^6) in normalized coordinates; all zero is a pinhole."""

    k1: float = 0.0
    k2: float = 0.0
    k3: float = 0.0

    @property
    def is_pinhole(self) -> bool:
        return self.k1 == self.k2 == self.k3 == 0.0


def blender_lens(intrinsics: Array, width: int, height: int) -> BlenderLens:
    """Intrinsics in footage pixels as Blender's lens, shift and pixel aspect.

    Blender has one focal length; a pixel that is not square is the render's pixel aspect, which is taken from
    fy / fx and not from the footage's metadata, for only the former puts points where the solver sees them.

    Args:
        intrinsics: (frames, 3, 3), footage pixels, (0, 0) at the corner; finite.
        width: of the footage, pixels.
        height: of the footage, pixels.
    """
    focal_x, focal_y = intrinsics[:, 0, 0], intrinsics[:, 1, 1]
    center_x, center_y = intrinsics[:, 0, 2], intrinsics[:, 1, 2]
    aspect = float(np.median(focal_y / focal_x))  # width / height of one pixel
    aspect = 1.0 if abs(aspect - 1) < 1e-6 else aspect
    horizontal = width * aspect >= height
    # Blender measures focal length and shift in the side that the sensor fits; see BKE_camera_params_compute_viewplane.
    span = float(width) if horizontal else height / aspect
    return BlenderLens(
        sensor_fit="HORIZONTAL" if horizontal else "VERTICAL",
        focal_mm=focal_x * FILM_BACK_MM / span,
        shift_x=(width / 2 - center_x) / span,
        shift_y=(center_y - height / 2) / aspect / span,
        pixel_aspect_x=max(aspect, 1.0),
        pixel_aspect_y=max(1 / aspect, 1.0),
    )


def plate_pixels(pixels: Array, intrinsics: Array, lens: Distortion) -> Array:
    """Where undistorted footage pixels lie on the plate, which is distorted.

    Args:
        pixels: (..., 2) x, y.
        intrinsics: (3, 3), footage pixels.
        lens: the plate's distortion.
    """
    focal, center = np.diagonal(intrinsics)[:2], intrinsics[:2, 2]
    points = (pixels - center) / focal
    r2 = np.sum(points**2, axis=-1, keepdims=True)
    return np.asarray(points * (1 + r2 * (lens.k1 + r2 * (lens.k2 + r2 * lens.k3))) * focal + center)
