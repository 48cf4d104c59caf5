"""Whose each pixel is, in a region that holds several parts: by their colors, and by where they are expected."""

import cv2
import numpy as np
from scipy.ndimage import distance_transform_edt

from model_server.geometry.shot import Array

_COLOR_PATCH = 7  # pixels
_NEAR = 4.0  # pixels away from where a part is expected: a pixel is less likely its own by a factor of e ...
_FAR = 1.2  # ... and by no more than a factor of e to this power, so that colors can tell what comes out behind a part
_UNLIKELY = np.float32(4.0)  # log odds: of people's pixels what is beside them has few, and they of its
_SPLINTER = 0.05  # of a part's largest piece: smaller ones among others' pixels are mistakes


def shared(
    image: Array, carried: Array, colors: dict[int, Array], here: Array, unlikely: dict[int, Array] | None = None
) -> Array:
    """Ids for the pixels of a region that holds several parts: by their colors and by what is nearest.

    Args:
        image: (h, w, 3) uint8 around the region.
        carried: (h, w) int32 ids brought from another frame.
        colors: of the parts that the region holds, by id.
        here: (h, w) bool, the region.
        unlikely: for each id (h, w) bool, where it is not expected.

    Returns:
        (n,) ids of the pixels where `here` holds.
    """
    ids = list(colors)
    if len(ids) == 1:
        return np.full(int(here.sum()), ids[0], np.int32)
    bins = _bins(image)
    odds = []
    for part in ids:
        likely = cv2.blur(colors[part][bins].astype(np.float32), (_COLOR_PATCH, _COLOR_PATCH))
        away = cv2.distanceTransform((~here | (carried != part)).astype(np.uint8), cv2.DIST_L2, 3)
        odds.append(np.log(likely[here] + 1e-3) - np.minimum(away[here] / _NEAR, _FAR))
        if unlikely is not None:
            odds[-1] -= _UNLIKELY * unlikely[part][here]
    best = np.zeros(here.shape, np.int32)
    best[here] = 1 + np.argmax(odds, axis=0)
    return np.asarray(np.array(ids, np.int32)[_without_splinters(best, len(ids))[here] - 1])


def _without_splinters(numbers: Array, count: int) -> Array:
    """(h, w) numbers 1 to `count`, 0 nothing: small pieces get the number of what is nearest."""
    sound = np.zeros(numbers.shape, bool)
    for number in range(1, count + 1):
        _, pieces, stats, _ = cv2.connectedComponentsWithStats((numbers == number).astype(np.uint8))
        sizes = stats[:, cv2.CC_STAT_AREA].copy()
        sizes[0] = 0
        sound |= (sizes > _SPLINTER * sizes.max())[pieces]
    rows, columns = distance_transform_edt(~sound, return_distances=False, return_indices=True)
    return np.where(numbers > 0, numbers[rows, columns], 0)


def color_histogram(colors: Array) -> Array:
    """(4096,) histogram of (n, 3) uint8 colors, 16 bins a channel, sum 1."""
    return np.bincount(_bins(colors), minlength=4096) / max(1, len(colors))


def _bins(colors: Array) -> Array:
    return np.asarray((colors.astype(np.int32) // 16) @ np.array([256, 16, 1]))
