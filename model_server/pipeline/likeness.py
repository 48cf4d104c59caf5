"""Whether two pictures show the same, when one of them may be off by a pixel."""

import cv2
import numpy as np

from model_server.geometry.shot import Array

_BLUR = 0.7  # pixels


def smoothed(picture: Array) -> Array:
    """(H, W, 3) uint8, as pictures are compared."""
    return np.asarray(cv2.GaussianBlur(np.asarray(picture), (0, 0), _BLUR))


def limits(smooth: Array) -> tuple[Array, Array]:
    """Least and most of what an (H, W, 3) uint8 picture shows within a pixel."""
    near = np.ones((3, 3), np.uint8)
    return cv2.erode(smooth, near), cv2.dilate(smooth, near)


def beyond(smooth: Array, low: Array, high: Array) -> Array:
    """(H, W) uint8 levels by which a picture is out of the limits, the most of its channels."""
    out = cv2.max(cv2.subtract(low, smooth), cv2.subtract(smooth, high))
    return np.asarray(
        cv2.max(cv2.max(cv2.extractChannel(out, 0), cv2.extractChannel(out, 1)), cv2.extractChannel(out, 2))
    )
