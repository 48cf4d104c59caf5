"""Shadows that move are not things that move.

A shadow dims a surface and keeps its hue and its texture (R. Cucchiara et al., "Detecting moving objects, ghosts, and
shadows in video streams", PAMI 2003; J. Jacques et al., "Background subtraction and shadow detection in grayscale
video sequences", SIBGRAPI 2005: the ratio to the background is constant over a small window).
"""

import cv2
import numpy as np

from model_server.geometry.shot import Array

_DARKEST, _BRIGHTEST = 0.25, 0.88  # a shadow leaves this share of the light, sRGB values
_HUE_SHARE, _HUE_LEVELS = 0.05, 4.0  # difference of color that noise and tinted light explain
_RATIO_SPREAD = 0.12  # of the log ratio over 5 x 5 pixels, beside an even slope
_DARK = 20  # levels, below which a channel's share of light says nothing
_ENOUGH = 150  # pixels of shadow that tell its color
_MOST_TINT = 1.15  # times another channel's light
_LIT_RANK = 0.375  # of the views, by which the one that counts as lit is darker than the brightest


def in_shadow(picture: Array, still_views: list[Array], visible: list[Array]) -> Array:
    """(H, W) bool: pixels that look like the still surface behind them with less light on it.

    Args:
        picture: (H, W, 3) uint8 sRGB.
        still_views: (H, W, 3) uint8 each: the same surface points as other frames show them.
        visible: (H, W) bool each: where that holds.
    """
    if not still_views:
        return np.zeros(picture.shape[:2], bool)
    lit, count = _lit(np.stack(still_views), np.stack(visible))
    return dimmed(picture, lit, count > 0)


def dimmed(picture: Array, lit: Array, known: Array) -> Array:
    """(H, W) bool: pixels that look like the lit surface with less light on it.

    Args:
        picture: (H, W, 3) uint8 sRGB.
        lit: (H, W, 3) uint8, the surface without the shadow.
        known: (H, W) bool, where that holds.
    """
    now, lit = (cv2.GaussianBlur(image.astype(np.float32), (0, 0), 1.0) for image in (picture, lit))
    ratio, same_hue = _compared(now, lit)
    core = _core(ratio, same_hue, known)
    left = _light_left(now, lit, core)
    if left is not None:
        _, also = _compared(now, lit * left)
        same_hue |= also
        core = _core(ratio, same_hue, known)
    beside = cv2.dilate(core.astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
    return np.asarray(core | (beside & same_hue & (ratio > _DARKEST) & (ratio < 1.04)))  # with the soft rim


def _compared(now: Array, lit: Array) -> tuple[Array, Array]:
    """(H, W) how much of its light a surface has left, and whether its hue is the same."""
    ratio = _dot(now, lit) / np.maximum(_dot(lit, lit), 1.0)
    tint = now - ratio[..., None] * lit
    return ratio, np.sqrt(_dot(tint, tint)) < _HUE_SHARE * np.sqrt(_dot(now, now)) + _HUE_LEVELS


def _light_left(now: Array, lit: Array, core: Array) -> Array | None:
    """(3,) float32, mean 1: what a shadow leaves of each channel's light; None where too little shadow tells.

    Sun and lamps are redder than what fills shadows: redder ones are things that are darker than what is behind them.
    """
    inside = core & (lit.min(axis=2) > _DARK)
    if np.count_nonzero(inside) < _ENOUGH:
        return None
    left = np.median(now[inside] / lit[inside], axis=0)
    if left[0] > left[2]:
        return None
    return np.asarray(np.clip(left / left.mean(), 1 / _MOST_TINT, _MOST_TINT), np.float32)


def _core(ratio: Array, same_hue: Array, known: Array) -> Array:
    """(H, W) bool: darker by about the same all around, in the same hue."""
    log_ratio = np.log(np.clip(ratio, 0.05, 4.0))
    mean = cv2.blur(log_ratio, (5, 5))
    # Its rim, and where a thing nearly touches the ground, it grows darker evenly.
    slope = np.arange(-2, 3, dtype=np.float32)[None] / 25 * np.ones((5, 1), np.float32)
    trend = (cv2.filter2D(log_ratio, -1, slope) ** 2 + cv2.filter2D(log_ratio, -1, slope.T) ** 2) / 2
    spread = np.sqrt(np.maximum(cv2.blur(log_ratio**2, (5, 5)) - mean**2 - trend, 0))
    dimmed = (ratio > _DARKEST) & (ratio < _BRIGHTEST) & known
    return np.asarray(cv2.blur((same_hue & dimmed & (spread < _RATIO_SPREAD)).astype(np.float32), (5, 5)) > 0.6)


def _dot(first: Array, second: Array) -> Array:
    return np.asarray(cv2.transform(first * second, np.ones((1, 3), np.float32)))


def _lit(views: Array, visible: Array) -> tuple[Array, Array]:
    """Each surface point as it looks without the shadow, and in how many views it is seen.

    A shadow passes: the brighter half of the views is lit. Its brightest are not taken, for where the thing itself
    stands in the way its own lightest parts are among them, and all the rest of it would look dimmed.
    """
    light = np.where(visible, views[..., 0].astype(np.int32) + views[..., 1] + views[..., 2], -1)
    count = visible.sum(0)
    order = np.argsort(light, axis=0)
    chosen = np.clip(len(views) - 1 - (_LIT_RANK * count).astype(np.int64), 0, len(views) - 1)
    index = np.take_along_axis(order, chosen[None], axis=0)
    return np.take_along_axis(views, index[..., None], axis=0)[0], count
