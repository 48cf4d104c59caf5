"""The network's nine numbers for a camera, and the camera (MODEL_SPEC 3.1)."""

import numpy as np

from model_server.geometry.shot import Array

_TRANSLATION, _QUATERNION, _FIELD_OF_VIEW = slice(0, 3), slice(3, 7), slice(7, 9)
_MIN_FIELD_OF_VIEW = np.radians(1.0)  # the network's is cut off at 0, which would put the camera at infinity


def decode_cameras(encodings: Array, width: int, height: int) -> tuple[Array, Array]:
    """Cameras from pose encodings.

    Args:
        encodings: (S, 9): translation, quaternion x y z w of any length, field of view vertical, horizontal.
        width: of the image that the network saw, pixels; height likewise.

    Returns:
        camera_from_world (S, 4, 4) and intrinsics (S, 3, 3) in pixels of that image, principal point = its center.
    """
    encodings = np.asarray(encodings, np.float64)
    camera_from_world = np.tile(np.eye(4), (len(encodings), 1, 1))
    camera_from_world[:, :3, :3] = _rotations(encodings[:, _QUATERNION])
    camera_from_world[:, :3, 3] = encodings[:, _TRANSLATION]
    vertical, horizontal = np.clip(encodings[:, _FIELD_OF_VIEW], _MIN_FIELD_OF_VIEW, np.pi - _MIN_FIELD_OF_VIEW).T
    intrinsics = np.tile(np.eye(3), (len(encodings), 1, 1))
    intrinsics[:, 0, 0] = width / 2 / np.tan(horizontal / 2)
    intrinsics[:, 1, 1] = height / 2 / np.tan(vertical / 2)
    intrinsics[:, 0, 2], intrinsics[:, 1, 2] = width / 2, height / 2
    return camera_from_world, intrinsics


def _rotations(quaternions: Array) -> Array:
    """(S, 4) x y z w of any length but 0 to (S, 3, 3); a zero quaternion turns nothing."""
    length = np.linalg.norm(quaternions, axis=1, keepdims=True)
    turned = np.where(length > 1e-12, quaternions / np.maximum(length, 1e-12), [0.0, 0.0, 0.0, 1.0])
    x, y, z, w = turned.T
    rows = [
        [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
        [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
        [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
    ]
    return np.moveaxis(np.array(rows), 2, 0)
