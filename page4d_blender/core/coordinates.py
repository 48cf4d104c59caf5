"""From the solver's axes to Blender's. Nothing else in the extension knows that they differ.

Solver: x right, y down, z forward; world is the first frame's camera. Blender: the world's z is up, a camera looks
along its own -z with y up. The first camera, level, looks along Blender's +y.
"""

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

BLENDER_FROM_SOLVER = np.array([[1.0, 0.0, 0.0], [0.0, 0.0, 1.0], [0.0, -1.0, 0.0]])
SOLVER_CAMERA_FROM_BLENDER_CAMERA = np.diag([1.0, -1.0, -1.0])


def blender_camera_matrices(cameras_from_world: Array) -> Array:
    """Turn solved camera poses into object matrices for Blender.

    Args:
        cameras_from_world: (frames, 4, 4), solver axes, translation in scene units; NaN stays NaN.

    Returns:
        (frames, 4, 4), each the matrix of the camera at that frame below the root (its `matrix_world` where the
        root is at rest).
    """
    world_from_camera = np.swapaxes(cameras_from_world[:, :3, :3], 1, 2)
    matrices = np.tile(np.eye(4), (len(cameras_from_world), 1, 1))
    matrices[:, :3, :3] = BLENDER_FROM_SOLVER @ world_from_camera @ SOLVER_CAMERA_FROM_BLENDER_CAMERA
    matrices[:, :3, 3:] = -BLENDER_FROM_SOLVER @ world_from_camera @ cameras_from_world[:, :3, 3:]
    return matrices


def blender_points(points: NDArray[np.floating]) -> NDArray[np.float32]:
    """(..., 3) points in the solver's world to Blender's axes below the root, contiguous for `foreach_set`."""
    x, y, z = points[..., 0], points[..., 1], points[..., 2]
    return np.ascontiguousarray(np.stack([x, z, -y], axis=-1), dtype=np.float32)


def leveling_matrix(up: Array, floor: Array | None) -> Array:
    """The root's transform that brings `up` to +z and the floor to z = 0.

    Args:
        up: (3,) unit vector in the solver's world.
        floor: (4,) plane a, b, c, d with a x + b y + c z + d = 0 in the solver's world, or None.

    Returns:
        (4, 4); the shortest turn, so that the heading stays. The first camera keeps x = y = 0.
    """
    up = up / np.linalg.norm(up)
    matrix = np.eye(4)
    matrix[:3, :3] = _shortest_turn_to_z(BLENDER_FROM_SOLVER @ up)
    if floor is not None:
        plane = floor / np.linalg.norm(floor[:3]) * (1 if floor[:3] @ up >= 0 else -1)
        # Straight below the first camera, against `up`, the floor is this far away; it is never near to upright.
        matrix[2, 3] = plane[3] / max(float(plane[:3] @ up), 0.1)
    return matrix


def quaternions(rotations: Array) -> Array:
    """(frames, 3, 3) rotations to (frames, 4) quaternions w, x, y, z (`rotation_quaternion`), in one hemisphere.

    Neighbors never differ in sign, so that interpolation takes the short way. From the largest of the four
    components, after Shepperd (1978), "Quaternion from rotation matrix".
    """
    xx, yy, zz = (rotations[:, i, i] for i in range(3))
    squares = np.stack([1 + xx + yy + zz, 1 + xx - yy - zz, 1 - xx + yy - zz, 1 - xx - yy + zz], axis=1)
    wx = rotations[:, 2, 1] - rotations[:, 1, 2]
    wy = rotations[:, 0, 2] - rotations[:, 2, 0]
    wz = rotations[:, 1, 0] - rotations[:, 0, 1]
    xy = rotations[:, 0, 1] + rotations[:, 1, 0]
    xz = rotations[:, 0, 2] + rotations[:, 2, 0]
    yz = rotations[:, 1, 2] + rotations[:, 2, 1]
    # Row k of `products` is 4 q_k q: any row, normalized, is the quaternion; the longest one is the safest.
    products = np.stack(
        [
            np.stack([squares[:, 0], wx, wy, wz], axis=1),
            np.stack([wx, squares[:, 1], xy, xz], axis=1),
            np.stack([wy, xy, squares[:, 2], yz], axis=1),
            np.stack([wz, xz, yz, squares[:, 3]], axis=1),
        ],
        axis=1,
    )
    rows = products[np.arange(len(rotations)), squares.argmax(axis=1)]
    result = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    flips = np.sum(result[1:] * result[:-1], axis=1) < 0
    signs = np.concatenate([[1.0], np.where(np.cumsum(flips) % 2, -1.0, 1.0)])[: len(result)]
    return np.asarray(result * signs[:, None])


def _shortest_turn_to_z(direction: Array) -> Array:
    """(3, 3) rotation that takes a unit vector (3,) to +z (Rodrigues); half a turn around x where it is -z.

    By which way the vector leans, not by 1 / (1 + z): near -z that would be a quotient of two rounding errors.
    """
    x, y, z = direction
    lean = np.hypot(x, y)
    toward = np.array([x, y]) / lean if lean > 0 else np.array([0.0, 1.0])
    turn = np.array([[1.0, 0.0, -x], [0.0, 1.0, -y], [x, y, z]])
    turn[:2, :2] -= (1 - z) * np.outer(toward, toward)
    return turn
