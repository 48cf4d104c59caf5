"""Where moving pixels were in the frame before."""

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np

from model_server.geometry.shot import Array
from model_server.pipeline.ahead import ahead
from model_server.pipeline.optical_flow import DenseFlow

MOVING = 127  # above this a pixel counts as moving
_FLOW_MARGIN = 0.08  # of the picture's width: how far around moving pixels the flow is looked for


@dataclass(frozen=True)
class Way:
    """Where the moving pixels of a frame were in the frame before; flat indices of (H, W)."""

    here: Array  # (n,) int32
    before: Array  # (n,) int32, -1 in the first frame


def ways_back(images: Array, moving: Array) -> Iterator[Way]:
    """For each frame, where its moving pixels were in the frame before."""
    flow = DenseFlow()
    height, width = moving.shape[1:]
    margin = round(_FLOW_MARGIN * width)

    def way(index: int) -> Way:
        here = np.asarray(moving[index]) > MOVING
        pixels = np.flatnonzero(here)
        if not index or not len(pixels):
            return Way(pixels.astype(np.int32), np.full(len(pixels), -1, np.int32))
        x, y, w, h = cv2.boundingRect(here.astype(np.uint8))
        rows = slice(max(0, y - margin), y + h + margin)
        columns = slice(max(0, x - margin), x + w + margin)
        moved = flow(images[index][rows, columns], images[index - 1][rows, columns])
        row, column = np.divmod(pixels, width)
        step = np.rint(moved[row - rows.start, column - columns.start]).astype(np.int64)
        column, row = np.clip(column + step[:, 0], 0, width - 1), np.clip(row + step[:, 1], 0, height - 1)
        return Way(pixels.astype(np.int32), (row * width + column).astype(np.int32))

    return ahead(way, range(len(moving)))


def carried_along(way: Way, before: Array) -> Array:
    """(H, W): values of the frame before, brought to this frame's moving pixels."""
    carried = np.zeros_like(before)
    carried.ravel()[way.here] = before.ravel()[way.before]
    return carried
