"""Where each picture of a movie lies, found without decoding where the file allows it."""

import bisect
import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice, pairwise
from pathlib import Path
from statistics import median_low
from typing import Any

from model_server.errors import BadFootage
from model_server.footage.limits import MAX_FRAMES
from model_server.footage.movie_file import MovieFile

# Codecs with coded pictures that are never shown, in packets of their own: here packets do not count frames.
_HIDING_CODECS = frozenset(("vp8", "libvpx"))
# Containers whose table leads to exact times after a seek. Program and transport streams count anew where they are
# entered, so there every way to a frame starts at the first one.
_SEEKABLE = ("mov", "matroska", "avi", "mxf")
_TRIED = 8  # pictures that must come as the packets say: coded fields and a missing first keyframe show up here
_ROUNDED = 3  # pictures that a stated length may be off by
_JITTER = 0.1  # of a frame; containers that count milliseconds round every time


@dataclass(frozen=True)
class MovieIndex:
    """The pictures of a movie in the order they are shown.

    Every coded picture is a frame, whatever its duration: a variable frame rate neither repeats nor drops any.
    """

    count: int  # whole pictures
    declared: int  # what the file promised; more than `count` where it is cut off
    times: tuple[int, ...]  # of each picture, units of the stream; empty where the file gives no usable times
    keys: tuple[tuple[int, int], ...]  # time of a keyframe, and where to seek for it; rising

    def seek_point(self, frame: int) -> tuple[int, int] | None:
        """The last keyframe at or before `frame`: its frame, and the time to seek to."""
        if not self.times:
            return None
        place = bisect.bisect_right(self.keys, self.times[frame], key=lambda key: key[0]) - 1
        if place < 0:
            return None
        time, target = self.keys[place]
        return bisect.bisect_left(self.times, time), target

    @property
    def varies(self) -> bool:
        """Whether frames stand for different lengths of time."""
        return not _is_steady(self.times)

    @property
    def usual_step(self) -> int:
        """Median time between two frames, units of the stream; 0 where it is not known."""
        return median_low(_steps(self.times)) if len(self.times) > 1 else 0


def index_movie(path: Path) -> MovieIndex:
    """Read all packets of a movie; decodes only where packets do not tell the frames.

    Raises:
        BadFootage: the file can't be read, or holds no picture.
    """
    with MovieFile(path) as movie:
        declared, length = _declared(movie), _stated_length(movie)
        shown = (packet for packet in movie.packets() if not packet.is_discard)
        packets = [_Packet.of(packet) for packet in islice(shown, MAX_FRAMES + 1)]
        seeks = movie.container.format.name.startswith(_SEEKABLE)
        hides = movie.stream.codec_context.name in _HIDING_CODECS
    if len(packets) > MAX_FRAMES:
        raise BadFootage(f"'{path.name}' holds more than {MAX_FRAMES} frames", hint="cut it into parts")
    whole = [p for p in packets if not p.damaged]
    times = sorted(p.time for p in whole if p.time is not None)
    if hides or len(set(times)) != len(whole) or not _decodes_as(path, times[:_TRIED]):
        return _index_by_decoding(path, declared, packets, seeks)
    declared = max(declared, _pictures_in(length, times))
    if len(whole) < declared:
        times = _before_the_cut(times, whole)
    return MovieIndex(len(times), max(declared, len(times)), tuple(times), _keys(whole) if seeks else ())


@dataclass(frozen=True)
class _Packet:
    time: int | None  # when it is shown
    order: int | None  # when it is decoded
    key: bool
    damaged: bool

    @staticmethod
    def of(packet: Any) -> "_Packet":
        return _Packet(packet.pts, packet.dts, packet.is_keyframe, packet.is_corrupt)


def _declared(movie: MovieFile) -> int:
    """How many pictures the file says it holds; 0 where it does not say, or where its word is not exact."""
    if movie.container.format.name.startswith("mov"):
        return len(movie.stream.index_entries)  # after the edit list, which `frames` is not
    return int(movie.stream.frames) if movie.container.format.name == "avi" else 0


def _stated_length(movie: MovieFile) -> int:
    """How long a Matroska or MXF file says its pictures last, units of the stream; 0 where it does not say.

    That is all by which files of these kinds show that they are cut off.
    """
    container, time_base = movie.container, movie.stream.time_base
    if not container.format.name.startswith(("matroska", "mxf")) or not time_base:
        return 0
    tag = re.fullmatch(r"(\d+):(\d\d):(\d\d(?:\.\d+)?)", movie.stream.metadata.get("DURATION", ""))
    if tag:
        seconds = int(tag[1]) * 3600 + int(tag[2]) * 60 + float(tag[3])
    else:
        seconds = (container.duration or 0) / 1e6 if len(container.streams) == 1 else 0
    return round(seconds / time_base)


def _pictures_in(length: int, times: list[int]) -> int:
    """How many pictures of the steady rate of `times` end at `length`; 0 where it is not steady, or not far more."""
    if len(times) < 2 or not _is_steady(times):
        return 0
    count = round((length - max(times[0], 0)) * (len(times) - 1) / (times[-1] - times[0]))
    return count if count > len(times) + _ROUNDED else 0


def _is_steady(times: Sequence[int]) -> bool:
    steps = _steps(times)
    usual = median_low(steps) if steps else 0
    return all(abs(step - usual) <= max(1, usual * _JITTER) for step in steps)


def _steps(times: Sequence[int]) -> list[int]:
    return [b - a for a, b in pairwise(times)]


def _before_the_cut(times: list[int], whole: list[_Packet]) -> list[int]:
    """Times with no gap before them: a picture that is missing is decoded, so also shown, after the last one here."""
    orders = [p.order for p in whole if p.order is not None]
    if len(orders) < 2:
        return times
    next_order = orders[-1] + median_low(b - a for a, b in pairwise(orders))
    return [t for t in times if t < next_order]


def _decodes_as(path: Path, times: list[int]) -> bool:
    with MovieFile(path) as movie:
        try:
            return [picture.pts for picture in islice(movie.pictures(), len(times))] == times
        except BadFootage:
            return False


def _index_by_decoding(path: Path, declared: int, packets: list[_Packet], seeks: bool) -> MovieIndex:
    times: list[int | None] = []
    with MovieFile(path) as movie:
        try:
            times.extend(picture.pts for picture in movie.pictures())
        except BadFootage:
            declared = max(declared, len(packets))  # the pictures before the damage can be used
    known = [t for t in times if t is not None]
    rising = len(known) == len(times) and all(a < b for a, b in pairwise(known))
    if not rising:
        return MovieIndex(len(times), max(declared, len(times)), (), ())
    return MovieIndex(len(times), max(declared, len(times)), tuple(known), _keys(packets) if seeks else ())


def _keys(packets: list[_Packet]) -> tuple[tuple[int, int], ...]:
    keys = [
        (p.time, p.time if p.order is None else min(p.time, p.order)) for p in packets if p.key and p.time is not None
    ]
    return tuple(sorted(keys))
