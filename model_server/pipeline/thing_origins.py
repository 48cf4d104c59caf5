"""Where things were before they came apart.

A thing that first shows beside another, in one region with it, is taken for a part of it until the two separate. From
there it is followed back along the flow, and gets its pixels in the frames before.
"""

import cv2
import numpy as np

from model_server.geometry.shot import Array
from model_server.pipeline.shared_region import color_histogram, shared
from model_server.pipeline.thing_ways import Way

_LOST = 0.25  # of its pixels when it came apart: with fewer left than that a thing is not seen farther back
_AROUND = 3  # pixels around where the flow comes from


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
    born: dict[int, tuple[Array, int]] = {}  # its colors and pixels where a thing was first seen as one
    for index in range(len(things) - 1, 0, -1):
        now, before, way = things[index], things[index - 1], ways[index]
        for thing in map(int, np.setdiff1d(now, list(seen[index - 1]))):
            at = now.ravel()[way.here] == thing
            if thing not in born:
                born[thing] = color_histogram(np.asarray(images[index])[now == thing]), int(at.sum())
            colors, area = born[thing]
            _take(thing, way.before[at], colors, _LOST * area, np.asarray(images[index - 1]), before)


def _take(thing: int, sources: Array, colors: Array, least: float, image: Array, before: Array) -> None:
    """Relabel in the frame before what the thing was there, if that can be told from what it was a part of.

    Args:
        sources: (n,) flat pixels of the frame before that its pixels came from.
        colors: of the thing alone.
        least: pixels that must be found.
        image: (H, W, 3) of the frame before.
        before: (H, W) its labels, changed in place.
    """
    held = np.bincount(before.ravel()[sources])
    held[0] = 0
    other = int(np.argmax(held))
    if held[other] < max(1, least):
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
    known = {thing: colors, other: color_histogram(image[left])}
    ids = shared(image[box], np.where(here, thing, other), known, here)
    if np.count_nonzero(ids == thing) >= least:
        before[box][here] = ids
