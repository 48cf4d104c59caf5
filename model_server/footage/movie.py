"""Any frame of a movie, exactly: the same pixels whether asked for in order or not."""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from threading import Lock

import av
import numpy as np
from numpy.typing import NDArray

from model_server.errors import BadFootage
from model_server.footage.clip import ClipInfo
from model_server.footage.movie_file import MovieFile
from model_server.footage.movie_index import MovieIndex
from model_server.footage.movie_picture import RgbConverter, turn_of
from model_server.footage.recent import RecentPictures


class MovieClip:
    """A movie with the decoder kept open, so that the next frame costs one picture. May be shared by threads."""

    def __init__(self, info: ClipInfo, index: MovieIndex) -> None:
        self._info, self._index = info, index
        self._recent = RecentPictures()
        self._reader = _Reader(info.files[0], index)
        self._converter = RgbConverter()
        self._lock = Lock()

    @property
    def info(self) -> ClipInfo:
        return self._info

    @property
    def index(self) -> MovieIndex:
        return self._index

    def frame(self, index: int) -> NDArray[np.uint8]:
        """See `Clip.frame`; the array is read-only."""
        number = self._info.frame_numbers[index]
        with self._lock:
            kept = self._recent.get(index)
            if kept is not None:
                return kept
            picture = self._reader.picture(number - 1)
            turn, _ = turn_of(picture)
            pixels = turn(self._converter.rgb(picture))
            if pixels.shape[:2] != (self._info.height, self._info.width):
                raise BadFootage(
                    f"frame {number} of '{self._info.files[0].name}' is {pixels.shape[1]} x {pixels.shape[0]} pixels, "
                    f"the first one {self._info.width} x {self._info.height}",
                    hint="use --frames to take the part where the size stays, or export the movie at one size",
                )
            return self._recent.add(index, pixels)


def first_picture(path: Path, index: MovieIndex, frame: int) -> av.VideoFrame:
    """The picture of `frame` (from 0), as decoded.

    Raises:
        BadFootage: it can't be decoded.
    """
    reader = _Reader(path, index)
    try:
        return reader.picture(frame)
    finally:
        reader.close()


class _Reader:
    """Steps through a movie; goes on where it stands when that is the shorter way."""

    def __init__(self, path: Path, index: MovieIndex) -> None:
        self._path, self._index = path, index
        self._movie: MovieFile | None = None
        self._pictures: Iterator[av.VideoFrame] = iter(())
        self._next = 0  # the frame that comes next

    def picture(self, frame: int) -> av.VideoFrame:
        self._go_near(frame)
        try:
            found = self._walk_to(frame)
            if found is None and self._index.times:
                self._restart()  # the seek landed behind it: some containers' tables are coarse
                found = self._walk_to(frame)
        except BadFootage as error:
            raise self._damaged(frame, error.message) from error
        if found is None:
            raise self._damaged(frame, "its picture is broken or missing")
        return found

    def _go_near(self, frame: int) -> None:
        point = self._index.seek_point(frame)
        near = point[0] if point is not None else 0
        if self._movie is not None and near <= self._next <= frame:
            return
        if self._movie is None or point is None or near == 0:
            self._restart()
        if point is not None and near > 0 and self._movie is not None:
            self._movie.seek(point[1])
            self._pictures = self._movie.pictures()
            self._next = near

    def close(self) -> None:
        if self._movie is not None:
            self._movie.close()
        self._movie, self._pictures = None, iter(())

    def _restart(self) -> None:
        self.close()
        self._movie = MovieFile(self._path)
        self._pictures = self._movie.pictures()
        self._next = 0

    def _walk_to(self, frame: int) -> av.VideoFrame | None:
        times = self._index.times
        for picture in self._pictures:
            if not times:
                self._next += 1
                if self._next > frame:
                    return None if picture.is_corrupt else picture
            elif picture.pts is not None and picture.pts >= times[frame]:
                self._next = frame + 1
                return picture if picture.pts == times[frame] and not picture.is_corrupt else None
        return None

    def _damaged(self, frame: int, reason: str) -> BadFootage:
        good, declared = self._whole_count(), self._index.declared
        return BadFootage(
            f"'{self._path.name}' is damaged at frame {frame + 1}: "
            f"{good} of {declared} frames can be decoded ({reason})",
            hint=f"use --frames 1-{good} for the part that is whole" if good else "export the movie again",
        )

    def _whole_count(self) -> int:
        """How many pictures come as they should, decoded from the start."""
        times, count = self._index.times, 0
        self._restart()
        with contextlib.suppress(BadFootage):
            for picture in self._pictures:
                if picture.is_corrupt or (times and (count == len(times) or picture.pts != times[count])):
                    break
                count += 1
        self._restart()
        return count
