"""Whether two pictures show the same, when one of them may be off by a pixel."""

import cv2
import numpy as np

from model_server.geometry.shot import Array

_BLUR = 0.7  # pixels
_WINDOW = 9  # pixels over which patterns are compared
_CONTRAST = 3.0  # levels (standard deviation) up to which there is no pattern, and twice which are enough
_UNLIKE, _ALIKE = 0.6, 0.9  # correlation of two patterns: by chance, and of the same surface


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


def same_pattern(one: Array, other: Array) -> Array:
    """(H, W) float32, 0..1: how surely two (H, W, 3) uint8 pictures show the same pattern, in whatever light.

    0 where either has none: two even surfaces look alike by chance.
    """
    first, second = (smoothed(picture).astype(np.float32).mean(axis=2) for picture in (one, other))
    window = (_WINDOW, _WINDOW)
    first_mean, second_mean = cv2.blur(first, window), cv2.blur(second, window)
    first_spread = np.maximum(cv2.blur(first * first, window) - first_mean**2, 0)
    second_spread = np.maximum(cv2.blur(second * second, window) - second_mean**2, 0)
    common = cv2.blur(first * second, window) - first_mean * second_mean
    alike = common / np.sqrt(np.maximum(first_spread * second_spread, 1))
    contrast = np.sqrt(np.minimum(first_spread, second_spread)) / _CONTRAST - 1
    return np.asarray(np.clip((alike - _UNLIKE) / (_ALIKE - _UNLIKE), 0, 1) * np.clip(contrast, 0, 1))
