"""Affine maps as (..., 3, 4) arrays of numpy: how parts of a scene are sized, bent and placed."""

import numpy as np
from numpy.typing import ArrayLike


def joined(c_from_b: np.ndarray, b_from_a: np.ndarray) -> np.ndarray:
    """c_from_a; leading dimensions broadcast."""
    result: np.ndarray = c_from_b[..., :3] @ b_from_a
    result[..., 3] += c_from_b[..., 3]
    return result


def moved(x: ArrayLike, y: ArrayLike, z: ArrayLike) -> np.ndarray:
    """A shift, or one for each moment."""
    matrix = np.zeros((*np.broadcast(x, y, z).shape, 3, 4))
    matrix[..., range(3), range(3)] = 1.0
    matrix[..., 0, 3], matrix[..., 1, 3], matrix[..., 2, 3] = x, y, z
    return matrix


def sized(x: float, y: float, z: float) -> np.ndarray:
    """A scaling along the axes."""
    return np.array([[x, 0, 0, 0], [0, y, 0, 0], [0, 0, z, 0]], float)


def turned(axis: int, angle: ArrayLike) -> np.ndarray:
    """A right-handed turn around an axis, or one for each moment; radians."""
    angle = np.asarray(angle, float)
    one, other = (axis + 1) % 3, (axis + 2) % 3
    matrix = np.zeros((*angle.shape, 3, 4))
    matrix[..., axis, axis] = 1
    matrix[..., one, one] = matrix[..., other, other] = np.cos(angle)
    matrix[..., other, one] = np.sin(angle)
    matrix[..., one, other] = -np.sin(angle)
    return matrix


def with_offset(linear: np.ndarray, offset: np.ndarray) -> np.ndarray:
    """(..., 3, 3) and (..., 3) as (..., 3, 4)."""
    matrix = np.empty((*np.broadcast_shapes(linear.shape[:-2], offset.shape[:-1]), 3, 4))
    matrix[..., :3], matrix[..., 3] = linear, offset
    return matrix


def along(start: np.ndarray, end: np.ndarray, radius: float) -> np.ndarray:
    """Puts the y axis of a capsule from one point (..., 3) to another, evenly scaled by its radius."""
    way = end - start
    up = way / np.maximum(np.linalg.norm(way, axis=-1, keepdims=True), 1e-9)
    # The axis that the limbs of a walking thing never point along, so that their surface does not spin.
    side = np.cross(up, [1.0, 0.02, 0.03])
    side /= np.maximum(np.linalg.norm(side, axis=-1, keepdims=True), 1e-9)
    linear = np.stack([np.cross(up, side), up, side], -1) * radius
    return with_offset(linear, (start + end) / 2)
