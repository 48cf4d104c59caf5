"""Where things were before they came apart.

A thing that first shows beside another, in one region with it, is taken for a part of it until the two separate. From
there it is followed back along the flow, and gets its pixels in the frames before.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from model_server.geometry.shot import Array
from model_server.pipeline.thing_follower import color_histogram, shared

_LOST = 0.3  # of its pixels: with fewer left than that a thing is not seen farther back
_AROUND = 3  # pixels around where the flow comes from


@dataclass(frozen=True)
class Way:
    """Where the moving pixels of a frame were in the frame before; flat indices of (H, W)."""

    here: Array  # (n,) int32
    before: Array  # (n,) int32, -1 in the first frame


def carried_along(way: Way, before: Array) -> Array:
    """(H, W) int32: labels of the frame before, brought to this frame's moving pixels."""
    carried = np.zeros_like(before)
    carried.ravel()[way.here] = before.ravel()[way.before]
    return carried


def traced_back(things: Array, images: Array, ways: list[Way]) -> None:
    """Give things their pixels in the frames before they came apart from another, in place.

    Args:
        things: (F, H, W) labels, 0 nothing.
        images: (F, H, W, 3) uint8.
        ways: of each frame.
    """
    seen = [set(np.unique(frame).tolist()) for frame in things]
    for index in range(1, len(things)):
        seen[index] |= seen[index - 1]  # all that was seen up to there
    for index in range(len(things) - 1, 0, -1):
        now, before, way = things[index], things[index - 1], ways[index]
        for thing in np.setdiff1d(now, list(seen[index - 1])):
            at = now.ravel()[way.here] == thing
            _take(int(thing), way.here[at], way.before[at], images[index], images[index - 1], before)


def _take(thing: int, pixels: Array, sources: Array, image: Array, image_before: Array, before: Array) -> None:
    """Relabel in the frame before what the thing was there, if that can be told from what it was a part of."""
    held = np.bincount(before.ravel()[sources])
    held[0] = 0
    other = int(np.argmax(held))
    if held[other] < _LOST * len(pixels):
        return
    came: Array = np.zeros(before.shape, np.uint8)
    came.ravel()[sources] = before.ravel()[sources] == other
    came = np.asarray(cv2.dilate(came, np.ones((2 * _AROUND + 1,) * 2, np.uint8)))
    x, y, width, height = cv2.boundingRect(came)
    box = slice(y, y + height), slice(x, x + width)
    here = (came[box] > 0) & (before[box] == other)
    left = (before == other) & (came == 0)
    if not left.any():
        return
    colors = {thing: color_histogram(image.reshape(-1, 3)[pixels]), other: color_histogram(image_before[left])}
    ids = shared(image_before[box], np.where(here, thing, other), colors, here)
    if np.count_nonzero(ids == thing) >= _LOST * len(pixels):
        before[box][here] = ids
