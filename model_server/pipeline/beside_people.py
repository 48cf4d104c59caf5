"""What moves right beside a person, and is not of them: a car behind a walker, as long as the two touch."""

import cv2
import numpy as np

from model_server.geometry.shot import Array

_LEAST = 0.2  # of the pixels of people: what is smaller may be a bag, a skirt or an error of the outline ...
_THICK = 0.06  # ... and so may what is thinner than twice this, times the root of those pixels


def beside_people(moving: Array, people: Array) -> Array:
    """(H, W) bool: the large and thick part of what moves, (H, W) bool, outside of `people`, (H, W) bool."""
    of_people = np.count_nonzero(people)
    if not of_people:
        return np.zeros(moving.shape, bool)
    rest = moving & ~people
    side = 2 * max(2, round(_THICK * of_people**0.5)) + 1
    disk = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))
    thick = cv2.morphologyEx(rest.astype(np.uint8), cv2.MORPH_OPEN, disk)
    _, pieces, stats, _ = cv2.connectedComponentsWithStats(thick)
    large = stats[:, cv2.CC_STAT_AREA] >= _LEAST * of_people
    large[0] = False
    return np.asarray(rest & (cv2.dilate(large[pieces].astype(np.uint8), disk) > 0))
