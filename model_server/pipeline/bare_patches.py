"""Bare patches of a picture stand still or move as a whole: floor without texture beside a thing is no part of it.

Flow and clean plates say little where nothing shows, and what a thing's edges say spreads into it. But where no edge
parts them, it is one surface with the floor around.
"""

import cv2
import numpy as np

from model_server.geometry.bare import bare
from model_server.geometry.shot import Array

_LEAK = 5  # pixels: patches that hang together by less are two
_LEAST_AREA = 6.5e-4  # of the picture
_MOSTLY = 0.6  # share that stands still, from which all of a patch does


def mostly_still(picture: Array, odds: Array) -> Array:
    """(H, W) bool: the pixels of bare patches most of which stand still.

    Args:
        picture: (H, W, 3) uint8 sRGB.
        odds: (H, W) log odds of motion.
    """
    joined = cv2.morphologyEx(bare(picture).astype(np.uint8), cv2.MORPH_OPEN, np.ones((_LEAK, _LEAK), np.uint8))
    count, patches, stats, _ = cv2.connectedComponentsWithStats(joined, connectivity=4)
    area = stats[:, cv2.CC_STAT_AREA]
    still = np.bincount(patches[odds < 0], minlength=count)
    whole = (still > _MOSTLY * area) & (area >= _LEAST_AREA * odds.size)
    whole[0] = False  # what is not bare
    return np.asarray(whole[patches])
