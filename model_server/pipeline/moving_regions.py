"""From log odds of motion to whole regions: certain somewhere, without cracks and holes."""

import cv2
import numpy as np

from model_server.geometry.shot import Array

_CERTAIN = 4.0  # gathered evidence that a moving region must show ...
_CERTAIN_SHARE = 0.25  # ... on this share of its pixels
_BESIDE = 15  # pixels around certain ones, of a region that is too large to be kept whole
_LEAST_SHARE = 2.5e-4  # of the picture, below which a region is a speck
_CRACK, _LARGEST_HOLE, _STILL = 5, 0.1, -1.0  # pixels, share of what surrounds it, mean gathered evidence
_FILLED = 160  # probability given to cracks and holes, of 255


def moving_regions(odds: Array, evidence: Array) -> Array:
    """(H, W) uint8 probability; regions without certain evidence are dropped (hysteresis, J. Canny, PAMI 1986).

    Of those that are mostly uncertain only what is certain is kept, and what is right beside it.

    Args:
        odds: (H, W) float32 log odds of motion.
        evidence: (H, W) float32, gathered over time.
    """
    count, labels, stats, _ = cv2.connectedComponentsWithStats((odds > 0).astype(np.uint8))
    certain = np.bincount(labels[evidence > _CERTAIN], minlength=count)
    areas = stats[:, cv2.CC_STAT_AREA]
    kept = (certain >= _CERTAIN_SHARE * areas) & (areas >= _LEAST_SHARE * odds.size)
    doubtful = ~kept & (certain >= _LEAST_SHARE * odds.size)
    kept[0] = doubtful[0] = False
    near = cv2.dilate((evidence > _CERTAIN).astype(np.uint8), np.ones((_BESIDE, _BESIDE), np.uint8)) > 0
    moving = kept[labels] | (doubtful[labels] & near)
    probability = np.rint(255 / (1 + np.exp(-np.where(moving, odds, -20.0)))).astype(np.uint8)
    whole = _without_holes(moving, evidence)
    return np.asarray(np.where(whole, np.maximum(probability, _FILLED), probability))


def _without_holes(moving: Array, evidence: Array) -> Array:
    """Closed over cracks; small holes that nothing proves to be still belong to what surrounds them."""
    around = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (_CRACK, _CRACK))
    closed = cv2.morphologyEx(moving.astype(np.uint8), cv2.MORPH_CLOSE, around)
    _, regions, sizes, _ = cv2.connectedComponentsWithStats(closed)
    count, labels, stats, _ = cv2.connectedComponentsWithStats(1 - closed, connectivity=4)
    area = stats[:, cv2.CC_STAT_AREA]
    mean = np.bincount(labels.ravel(), evidence.ravel(), minlength=count) / np.maximum(area, 1)
    first = np.unique(labels, return_index=True)[1]  # of each hole, the topmost pixel: above it is what surrounds it
    surrounding = sizes[regions.ravel()[np.maximum(first - moving.shape[1], 0)], cv2.CC_STAT_AREA]
    filled = (area < _LARGEST_HOLE * surrounding) & (mean > _STILL)
    filled[np.unique(np.concatenate([labels[0], labels[-1], labels[:, 0], labels[:, -1]]))] = (
        False  # open to the border
    )
    filled[0] = False
    return np.asarray((closed > 0) | filled[labels])
