"""A numbered image sequence, read when a frame is asked for."""

from threading import Lock

import numpy as np
from numpy.typing import NDArray

from model_server.errors import BadFootage
from model_server.footage.clip import ClipInfo
from model_server.footage.images import read_picture
from model_server.footage.recent import RecentPictures


class ImageClip:
    """Images of one size, in the order of their numbers. May be shared by threads."""

    def __init__(self, info: ClipInfo) -> None:
        self._info = info
        self._recent = RecentPictures()
        self._lock = Lock()

    @property
    def info(self) -> ClipInfo:
        return self._info

    def frame(self, index: int) -> NDArray[np.uint8]:
        """See `Clip.frame`; the array is read-only."""
        file = self._info.files[index]
        with self._lock:
            kept = self._recent.get(index)
            if kept is not None:
                return kept
            pixels = read_picture(file)
            if pixels.shape[:2] != (self._info.height, self._info.width):
                raise BadFootage(f"'{file.name}' has changed since the footage was opened", hint="open it again")
            return self._recent.add(index, pixels)
