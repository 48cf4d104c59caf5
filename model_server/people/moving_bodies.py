"""Whole bodies where a part of one moves.

Flow and clean plates find a shirt with squares, and lose gray trousers before a gray floor. Around every region that
moves `body_segmenter` is asked for the body that it is a part of. What it draws counts where it fits what is known: a
good share of it moves, and next to none of it is known to stand still. Each body is looked for again in the frames
after it and before it, where less of it may be known.
"""

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np

from model_server.geometry.shot import Array, Progress
from model_server.people.body_segmenter import OUTSIDE, BodySegmenter, Look, Square

_LEAST_AREA = 1e-3  # of the picture: a region in which a body is looked for
_GAP = 9  # pixels: parts this near are one region
_COVERED = 0.8  # share of a region in bodies that are found, from which no other is looked for
_NEAR, _NEARER = 0.15, 0.1  # of half a square, from another: it holds the same body; a look there tells nothing new
_LOOKS = 3  # each in the square that the body of the look before asks for
_FITS = 0.9  # a fit that needs no other look
_MOVING, _STILL = 0.35, 0.15  # shares of a body: the least that must move, the most that may be known to stand still
_CLEARLY_STILL, _CLEARLY_MOVING = -1.5, 4.0  # gathered evidence
_SAME = 0.5  # share of the smaller of two that are the same body
_MOST, _LEAST = 4.0, -2.0  # log odds that are believed
_STEP, _STAYS = 0.02, 0.8  # of the picture's width, as far as a person goes in a frame; share of it that is there then
_PERSON = 0.9  # likely to be one, from which it surely is
_OUTLINED = 0.5  # the fit from which what lies beside a body is not of it


@dataclass(frozen=True)
class _Body:
    look: Look
    fit: float  # 0..1: of what moves around it, and of what stands still in it, the share that is it and moves
    moving: float  # share of it
    still: float

    @staticmethod
    def of(look: Look, known: Array, still: Array) -> "_Body":
        """`known`, `still`: (H, W) bool, what is known to move, or to stand still."""
        here = look.odds > 0
        counted = (here, known[_box(here)], here & known, here & still)
        area, around, moves, stands = (int(np.count_nonzero(each)) for each in counted)
        return _Body(look, moves / max(1, around + stands), moves / max(1, area), stands / max(1, area))

    @property
    def here(self) -> Array:
        return np.asarray(self.look.odds > 0)

    @property
    def area(self) -> int:
        return int(np.count_nonzero(self.here))

    @property
    def counts(self) -> bool:
        return self.moving >= _MOVING and self.still <= _STILL


def moving_bodies(
    images: Array, moving: Array, gathered: Callable[[int], Array], bodies: Array, people: Array, progress: Progress
) -> None:
    """Fill in log odds of every pixel to be of a body that moves, and which surely are a person's.

    Args:
        images: (F, H, W, 3) uint8 sRGB.
        moving: (F, H, W) uint8 probability of motion, over 127 where it is known.
        gathered: frame index to (H, W) float32 evidence of motion, below 0 what stands still.
        bodies: (F, H, W) float16, all 0; the result: below 0 right beside a body, 0 where nothing is known.
        people: (F, H, W) bool, all false; is made true where a body surely is a person's.
    """
    search = _Search(images, moving, gathered, bodies, people)
    for index in range(len(images)):
        search.look(index, index - 1)
        progress(0.8 * (index + 1) / len(images))
    for index in reversed(range(len(images))):
        search.look(index, index + 1)
        progress(1 - 0.2 * index / len(images))
    _keep_steady(people)


def _keep_steady(people: Array) -> None:
    """Of (F, H, W) bool only who is a person in the frames before and after too: for one frame much looks like one."""
    side = 2 * max(1, round(_STEP * people.shape[2])) + 1
    near = [cv2.dilate(frame.astype(np.uint8), np.ones((side, side), np.uint8)) > 0 for frame in people]
    for index, frame in enumerate(people):
        around = near[max(0, index - 1) : index] + near[index + 1 : index + 2]
        count, pieces = cv2.connectedComponents(frame.astype(np.uint8))
        for piece in range(1, count):
            here = pieces == piece
            if not all(np.count_nonzero(here & other) > _STAYS * np.count_nonzero(here) for other in around):
                frame[here] = False


class _Search:
    """Goes through the shot, to and fro."""

    def __init__(
        self, images: Array, moving: Array, gathered: Callable[[int], Array], bodies: Array, people: Array
    ) -> None:
        """As `moving_bodies` gets them."""
        self._images, self._moving, self._gathered, self._bodies = images, moving, gathered, bodies
        self._people = people
        self._segmenter = BodySegmenter()
        self._asked: dict[int, list[Square]] = {}  # by the bodies found in a frame that was looked at

    def look(self, index: int, neighbor: int) -> None:
        """For the bodies of a neighbor, and the first time for others where something moves."""
        evidence, known = self._gathered(index), np.asarray(self._moving[index]) > 127
        still = ~known & (evidence < _CLEARLY_STILL)

        def counting(squares: list[Square]) -> list[_Body]:
            looked = (
                _body(self._segmenter, np.asarray(self._images[index]), square, known, still) for square in squares
            )
            return [body for body in looked if body.counts]

        here = self._asked.get(index, [])
        former = self._asked.get(neighbor, [])
        found = _each_once(counting([new for new in former if not any(new.is_near(old, _NEAR) for old in here)]))
        if index not in self._asked:
            found = _each_once(found + counting(_squares_around(known, found)))
        before = np.asarray(self._bodies[index]) > 0
        for body in found:
            self._bodies[index] = _together(np.asarray(self._bodies[index], np.float32), _believed(body, evidence))
            if body.look.person > _PERSON:
                self._people[index] |= body.here
        new = [body.look.asked for body in found if np.count_nonzero(body.here & before) < _SAME * body.area]
        self._asked[index] = here + new


def _squares_around(known: Array, bodies: list[_Body]) -> list[Square]:
    """Around regions of (H, W) bool that are not covered by bodies."""
    covered = np.any([body.here for body in bodies], axis=0) if bodies else np.zeros(known.shape, bool)
    near = cv2.dilate(known.astype(np.uint8), np.ones((_GAP, _GAP), np.uint8))
    count, labels, stats, _ = cv2.connectedComponentsWithStats(near)
    areas = np.bincount(labels[known], minlength=count)
    free = np.bincount(labels[known & ~covered], minlength=count)
    return [
        Square.around(*stats[region, :4])
        for region in range(1, count)
        if areas[region] >= _LEAST_AREA * known.size and free[region] > (1 - _COVERED) * areas[region]
    ]


def _body(segmenter: BodySegmenter, picture: Array, square: Square, known: Array, still: Array) -> _Body:
    """The best of a few looks, each from where the last one saw the body."""
    looks: list[_Body] = []
    while len(looks) < _LOOKS:
        look = segmenter(picture, square)
        looks.append(_Body.of(look, known, still))
        if looks[-1].fit > _FITS or look.asked.is_near(square, _NEARER):
            break
        square = look.asked
    return max(looks, key=lambda body: body.fit)


def _each_once(bodies: list[_Body]) -> list[_Body]:
    """Without those most of which is of a body that fits better, or that hold most of one."""
    kept: list[_Body] = []
    for body in sorted(bodies, key=lambda body: -body.fit):
        if all(np.count_nonzero(body.here & other.here) < _SAME * min(body.area, other.area) for other in kept):
            kept.append(body)
    return kept


def _believed(body: _Body, evidence: Array) -> Array:
    """(H, W) float32 log odds; what clearly moves beside a body may be of another."""
    against = (body.look.odds > OUTSIDE) & (evidence < _CLEARLY_MOVING) & (body.fit > _OUTLINED)
    return np.clip(np.where(body.here | against, body.look.odds, 0), _LEAST, _MOST)


def _together(one: Array, other: Array) -> Array:
    """What is of one body is not beside another."""
    most = np.maximum(one, other)
    return np.where(most > 0, most, np.minimum(one, other))


def _box(here: Array) -> tuple[slice, slice]:
    x, y, width, height = cv2.boundingRect(here.astype(np.uint8))
    return slice(y, y + height), slice(x, x + width)
