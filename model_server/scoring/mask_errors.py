"""How well a mask covers what moves: DAVIS's two measures (Perazzi 2016)."""

from collections.abc import Mapping

import cv2
import numpy as np
from numpy.typing import NDArray

Mask = NDArray[np.bool_]

REGION, RECALL, BOUNDARY = "j", "j_recall", "f"
_NEAR = 0.008  # of the picture's diagonal: boundaries this far apart count as one
_FOUND = 0.5  # a frame of this J counts for the recall


def mask_errors(masks: Mask, truth: Mask) -> Mapping[str, float]:
    """Means over frames of J and F, and the share of frames whose J is over 0.5; (S, H, W) both, S > 0."""
    regions = [region(mask, true) for mask, true in zip(masks, truth)]
    boundaries = [boundary(mask, true) for mask, true in zip(masks, truth)]
    return {
        REGION: float(np.mean(regions)),
        RECALL: float(np.mean([one > _FOUND for one in regions])),
        BOUNDARY: float(np.mean(boundaries)),
    }


def region(mask: Mask, truth: Mask) -> float:
    """J: intersection over union of two masks (H, W); 1 where both are empty."""
    union = int((mask | truth).sum())
    return float((mask & truth).sum() / union) if union else 1.0


def boundary(mask: Mask, truth: Mask) -> float:
    """F: harmonic mean of the shares of each mask's outline (H, W) that are near the other's; 1 where both lack one."""
    ours, true = _outline(mask), _outline(truth)
    if not ours.any() or not true.any():
        return float(ours.any() == true.any())
    reach = _disk(int(np.ceil(_NEAR * np.hypot(*mask.shape))))
    precision = (ours & _grown(true, reach)).sum() / ours.sum()
    recall = (true & _grown(ours, reach)).sum() / true.sum()
    return float(2 * precision * recall / (precision + recall)) if precision + recall else 0.0


def _outline(mask: Mask) -> Mask:
    """Pixels that differ from the one to the right, below, or right below."""
    padded = np.pad(mask, ((0, 1), (0, 1)), mode="edge")
    outline: Mask = (mask != padded[:-1, 1:]) | (mask != padded[1:, :-1]) | (mask != padded[1:, 1:])
    return outline


def _disk(radius: int) -> NDArray[np.uint8]:
    y, x = np.mgrid[-radius : radius + 1, -radius : radius + 1]
    return np.asarray(x**2 + y**2 <= radius**2, np.uint8)


def _grown(mask: Mask, reach: NDArray[np.uint8]) -> Mask:
    return cv2.dilate(mask.astype(np.uint8), reach).astype(bool)
