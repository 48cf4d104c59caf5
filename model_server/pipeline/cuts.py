"""Cuts inside a shot: found from the tracks, and the longest part between them is what is solved.

At a cut nearly all tracks end between two frames, while before and after it they run on. That tells it from a flash,
which descriptors bridge (`track_features`), and from a whip pan, in which tracks are lost over several frames. That the
two pictures are less alike than those beside them tells it from tracks that were lost for another reason.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import pairwise

import cv2
import numpy as np

from model_server.errors import Unsolvable
from model_server.geometry.shot import Array, FrameStatus, Motion, Solution, Tracks
from model_server.pipeline.tracks import MIN_LENGTH

_CROSS = 0.1  # share of the tracks beside it that may cross a cut: chance matches
_BESIDE = 40  # tracks on both sides; where there are fewer, losing them says nothing
_FLASH = 4  # frames; a track that was gone for longer, as during a cutaway, joins nothing
_THUMBNAIL = (32, 18)  # pixels: what a picture shows at a glance, blind to small motion


@dataclass(frozen=True)
class ShotPart:
    """Frames [start, stop) are solved: the longest part, of equal ones the first."""

    frame_numbers: Sequence[int]  # the footage's own
    cuts: tuple[int, ...]  # indices of the frames that a cut stands before
    start: int
    stop: int

    @classmethod
    def of(cls, images: Array, tracks: Tracks, frame_numbers: Sequence[int]) -> "ShotPart":
        """Look for cuts.

        Args:
            images: (F, H, W, 3) uint8.
            tracks: of the whole footage.
        """
        cuts = find_cuts(images, tracks)
        edges = [0, *cuts, len(images)]
        lengths = np.diff(edges)
        longest = int(np.argmax(lengths))
        return cls(frame_numbers, cuts, edges[longest], edges[longest + 1])

    def tracks(self, tracks: Tracks) -> Tracks:
        """The tracks inside the part, those that are still long enough, numbered anew."""
        if not self.cuts:
            return tracks
        inside = (tracks.frame_indices >= self.start) & (tracks.frame_indices < self.stop)
        lengths = np.bincount(tracks.track_ids[inside], minlength=tracks.track_count)
        kept = inside & (lengths >= MIN_LENGTH)[tracks.track_ids]
        _, ids = np.unique(tracks.track_ids[kept], return_inverse=True)
        return Tracks(ids.astype(np.int32), tracks.frame_indices[kept], tracks.positions[kept])

    def solution(self, solution: Solution) -> Solution:
        """The solution with the other parts unknown, and the cuts in it, as frame numbers and in words."""
        if not self.cuts:
            return solution
        poses, status = solution.camera_from_world.copy(), solution.status.copy()
        reprojection = solution.reprojection_px.copy()
        outside = self._outside
        poses[outside], status[outside], reprojection[outside] = np.nan, FrameStatus.UNKNOWN, np.nan
        return replace(
            solution,
            camera_from_world=poses,
            status=status,
            reprojection_px=reprojection,
            cuts=tuple(int(self.frame_numbers[cut]) for cut in self.cuts),
            assumptions=(*solution.assumptions, self._in_words()),
        )

    def motion(self, motion: Motion) -> Motion:
        """Motion inside the part; of the others, which have no cameras, nothing is said."""
        if not self.cuts:
            return motion
        moving = np.array(motion.moving)
        moving[self._outside] = 0
        return replace(motion, moving=moving)

    @contextmanager
    def named_in_errors(self) -> Iterator[None]:
        """What can't be solved says that it was one part of several."""
        try:
            yield
        except Unsolvable as error:
            if not self.cuts:
                raise
            raise Unsolvable(f"{error.message}; {self._in_words()}", hint=error.hint) from error

    @property
    def _outside(self) -> Array:
        frames = np.arange(len(self.frame_numbers))
        return np.asarray((frames < self.start) | (frames >= self.stop))

    def _in_words(self) -> str:
        numbers = self.frame_numbers
        edges = [0, *self.cuts, len(numbers)]
        spans = [f"{numbers[first]}-{numbers[last - 1]}" for first, last in pairwise(edges)]
        chosen = f"{numbers[self.start]}-{numbers[self.stop - 1]}"
        others = ", ".join(span for span in spans if span != chosen)
        where = ", ".join(str(numbers[cut]) for cut in self.cuts)
        return (
            f"there is a cut before frame {where}: frames {chosen}, the longest part, are solved;"
            f" to solve {others}, ask for those frames alone"
        )


def find_cuts(images: Array, tracks: Tracks) -> tuple[int, ...]:
    """Indices of frames that a cut stands before, rising; arguments as in `ShotPart.of`."""
    count = len(images)
    crossing = _crossing(tracks, count)
    candidates = [
        k
        for k in range(2, count - 1)
        if (beside := min(crossing[k - 1], crossing[k + 1])) >= _BESIDE and crossing[k] <= _CROSS * beside
    ]
    return tuple(k for k in candidates if _differ(images, k))


def _crossing(tracks: Tracks, count: int) -> Array:
    """(count,) how many tracks go on from before frame k to it or beyond, skipping no more than a flash."""
    frames = tracks.frame_indices.astype(np.int64)
    goes_on = (np.diff(tracks.track_ids) == 0) & (np.diff(frames) <= 1 + _FLASH)
    change = np.zeros(count + 2, np.int64)
    np.add.at(change, frames[:-1][goes_on] + 1, 1)
    np.add.at(change, frames[1:][goes_on] + 1, -1)
    return np.cumsum(change)[:count]


def _differ(images: Array, k: int) -> bool:
    """Whether frames k - 1 and k are less alike than their neighbors on either side."""
    glances = [_glance(images[index]) for index in range(k - 2, k + 2)]
    before, across, after = (float((a * b).sum()) for a, b in pairwise(glances))
    return across < min(before, after)


def _glance(image: Array) -> Array:
    """A small picture of mean 0 and length 1, so that a product of two is their correlation."""
    small = cv2.resize(np.asarray(image), _THUMBNAIL, interpolation=cv2.INTER_AREA).astype(np.float64)
    small -= small.mean()
    return np.asarray(small / max(float(np.linalg.norm(small)), 1e-6))
