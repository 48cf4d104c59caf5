"""The last few pictures, so that asking twice decodes once."""

from collections import OrderedDict

import numpy as np
from numpy.typing import NDArray

KEPT = 4  # pictures; at 4K that is 100 MB


class RecentPictures:
    """Pictures by frame index; the one asked for longest ago goes first. What it gives is read-only."""

    def __init__(self) -> None:
        self._pictures: OrderedDict[int, NDArray[np.uint8]] = OrderedDict()

    def get(self, index: int) -> NDArray[np.uint8] | None:
        if index in self._pictures:
            self._pictures.move_to_end(index)
        return self._pictures.get(index)

    def add(self, index: int, picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
        picture.flags.writeable = False
        self._pictures[index] = picture
        if len(self._pictures) > KEPT:
            self._pictures.popitem(last=False)
        return picture
