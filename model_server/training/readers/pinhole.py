"""From the cameras of datasets to ours: 4 x 4 transforms, and pixels whose (0, 0) is the corner of the image."""

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def pinhole(focal_x: float, focal_y: float, center_x: float, center_y: float) -> Array:
    """(3, 3) intrinsics, pixels."""
    return np.array([[focal_x, 0.0, center_x], [0.0, focal_y, center_y], [0.0, 0.0, 1.0]])


def with_corner_pixels(intrinsics: Array) -> Array:
    """(3, 3) of a dataset whose first pixel has its center at (0, 0), for pixels whose (0, 0) is the corner."""
    moved = np.array(intrinsics, np.float64)
    moved[:2, 2] += 0.5
    return moved


def square_matrix(rows: Array) -> Array:
    """(4, 4) of the (3, 4) upper rows of a transform."""
    return np.vstack([rows, [0.0, 0.0, 0.0, 1.0]])


def rigid(rotation: Array, translation: Array) -> Array:
    """(4, 4) of a rotation (3, 3) and a translation (3,)."""
    return square_matrix(np.column_stack([rotation, translation]))
