"""Where the plate lies under the undistorted image."""

import numpy as np
from numpy.typing import NDArray

from model_server.geometry.cameras import pixel_centers
from model_server.geometry.lens import Distortion, distort, turning_radius
from model_server.geometry.pixel_map import PixelMap

Array = NDArray[np.float64]

_NOWHERE = -1e4  # pixels; outside every picture


def plate_positions(width: int, height: int, pixels: PixelMap, intrinsics: Array, lens: Distortion) -> Array:
    """Where each undistorted pixel is found on the plate.

    Args:
        width, height: of the model's image; the undistorted one has the same size.
        pixels: model <-> footage.
        intrinsics: (3, 3), footage pixels, of the undistorted image.
        lens: distortion of the plate.

    Returns:
        (height, width, 2), model pixels of the plate; far outside where the lens polynomial has turned back.
    """
    centers = pixel_centers(width, height)
    if lens.is_pinhole:
        return centers
    focal, middle = np.diagonal(intrinsics)[:2], intrinsics[:2, 2]
    rays = (pixels.footage_from_model(centers) - middle) / focal
    plate = pixels.model_from_footage(distort(rays, lens) * focal + middle)
    plate[np.linalg.norm(rays, axis=-1) > turning_radius(lens)] = _NOWHERE
    return plate


def plate_area(width: int, height: int, pixels: PixelMap, intrinsics: Array, lens: Distortion) -> NDArray[np.bool_]:
    """(height, width): which undistorted pixels the plate shows; arguments as in `plate_positions`."""
    plate = plate_positions(width, height, pixels, intrinsics, lens)
    return np.asarray((plate >= 0).all(axis=-1) & (plate <= [width, height]).all(axis=-1))
