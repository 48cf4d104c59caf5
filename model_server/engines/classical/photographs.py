"""Comparing photographs from known cameras, window by window.

Zero-mean normalized cross-correlation. Of the frames compared with, a pixel listens to the better half, so that what
hides it in some of them, or walks through them, is outvoted (S. Kang, R. Szeliski, J. Chai, "Handling occlusions in
dense multi-view stereo", CVPR 2001).
"""

from dataclasses import dataclass
from typing import TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from model_server.geometry.cameras import inverse

Array = NDArray[np.float64]
Gray = NDArray[np.float32]
Costs = TypeVar("Costs", NDArray[np.uint8], NDArray[np.float32])

NOISE_GRAY_LEVELS = 1.0  # texture weaker than this is no evidence
COST_OF_NO_CORRELATION = 100  # costs are 100 (1 - correlation), at most 200
UNSEEN = 150  # where the other frame does not see
OWN_SHARE = 0.4  # of a wide window's contrast that a pixel's nearest neighbors must show


@dataclass(frozen=True)
class View:
    """One photograph with its camera; pixels are those of `gray`."""

    gray: Gray  # (h, w), 1..255; 0 outside the plate
    intrinsics: Array  # (3, 3)
    camera_from_world: Array  # (4, 4)


class Comparison:
    """A reference photograph made ready to be compared with others, which are warped onto it first."""

    def __init__(self, gray: Gray, window: int) -> None:
        self._gray, self._window = gray, window
        self._mean, deviation = _statistics(gray, window)
        self._factor = -COST_OF_NO_CORRELATION / deviation

    def cost(self, warped: Gray) -> Gray:
        """(h, w): what it costs to believe that `warped`, (h, w) with 0 where unseen, shows the same."""
        mean, deviation = _statistics(warped, self._window)
        cost = np.asarray(cv2.blur(cv2.multiply(self._gray, warped), (self._window, self._window)), np.float32)
        mean *= self._mean
        cost -= mean
        cost *= self._factor
        cost /= deviation
        cost += COST_OF_NO_CORRELATION
        cost[warped < 0.5] = UNSEEN
        return cost


def has_own_texture(gray: Gray) -> NDArray[np.bool_]:
    """(h, w): whether what a window sees is there at the pixel itself, and not only at the window's rim.

    A window beside an edge matches wherever the edge does, and would give flat sky the depth of the roof next to it.
    """
    near, wide = (_statistics(gray, window)[1] ** 2 - NOISE_GRAY_LEVELS**2 for window in (3, 9))  # without the noise
    return np.asarray((near > NOISE_GRAY_LEVELS**2) & (near > OWN_SHARE**2 * wide))


def mean_of_better_half(costs: list[Costs]) -> Costs:
    """The same belief's (h, w) costs in n frames to one (h, w); the arrays are used up.

    The least are kept in order as frames come: whole-image comparisons are many times faster than sorting pixels.
    """
    best: list[Costs] = []
    for cost in costs:
        for place, kept in enumerate(best):
            best[place] = np.minimum(kept, cost)
            cost = np.maximum(kept, cost, out=kept)
        if len(best) < (len(costs) + 1) // 2:
            best.append(cost)
    total = best[0].astype(np.float32)
    for cost in best[1:]:
        total += cost
    total /= len(best)
    return np.asarray(total, best[0].dtype)


def source_from_reference(reference: View, source: View) -> tuple[Array, Array]:
    """(3, 3) and (3,): pixel p, its center at integers, of the reference at inverse depth w is at
    `turned @ (p, 1) + w * moved` in the source, homogeneous."""
    relative = source.camera_from_world @ inverse(reference.camera_from_world)
    corner_from_center = np.array([[1, 0, 0.5], [0, 1, 0.5], [0, 0, 1]])
    projection = np.linalg.inv(corner_from_center) @ source.intrinsics
    turned = projection @ relative[:3, :3] @ np.linalg.inv(reference.intrinsics) @ corner_from_center
    return turned, projection @ relative[:3, 3]


def _statistics(gray: Gray, window: int) -> tuple[Gray, Gray]:
    """Mean and deviation of every window; noise is added to the deviation."""
    mean = np.asarray(cv2.blur(gray, (window, window)), np.float32)
    square = np.asarray(cv2.sqrBoxFilter(gray, cv2.CV_32F, (window, window)), np.float32)
    square -= mean * mean
    np.maximum(square, 0, out=square)
    square += NOISE_GRAY_LEVELS**2
    return mean, np.sqrt(square, out=square)
