"""People who stand or walk upright and are seen down to their feet, wherever they are in a picture.

OpenCV's detector of pedestrians says where to look (N. Dalal and B. Triggs, "Histograms of oriented gradients for human
detection", CVPR 2005: a linear classifier that comes with OpenCV). It misses many and takes posts for people;
`body_segmenter` says who is one, and where the outline and the feet are.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from model_server.geometry.shot import Array
from model_server.people.body_segmenter import BodySegmenter, Look, Square

_LONG_SIDE = 1920  # pixels to which a picture is enlarged: the detector's window of 128 holds a person of 96
_LEAST_SCORE = 0.5
_STRIDE, _PADDING, _STEP = (8, 8), (16, 16), 1.1  # pixels, pixels, from one size to the next
_SAME_PLACE, _SAME_SIZE = 0.3, 0.5  # of a window, and log of its size: two windows of one person
_LOOKS, _NEARER = 3, 0.1  # each in the square that the look before asks for; a nearer one tells nothing new
_PERSON, _FEET_SEEN = 0.9, 0.5  # from which it surely is one, and its feet are seen
_SOLE = 0.1  # of its height, by which outline and landmarks may differ about where the feet end
_CUT = 4  # pixels from the picture's lower edge: it may go on below
_SAME = 0.5  # share of the smaller outline of two that are the same person


@dataclass(frozen=True)
class StandingPerson:
    """Somebody on their feet."""

    here: Array  # (H, W) bool
    trunk: Array  # (H, W) bool: what is above the hips, and keeps its shape in walking
    stands: Array  # (2,) pixels: the lowest of it


class StandingPeople:
    """Finds them in a picture. Not for several threads at a time."""

    def __init__(self) -> None:
        self._detector = cv2.HOGDescriptor()
        self._detector.setSVMDetector(np.asarray(cv2.HOGDescriptor.getDefaultPeopleDetector()))
        self._segmenter = BodySegmenter()

    def __call__(self, picture: Array) -> list[StandingPerson]:
        """Those in an (H, W, 3) uint8 sRGB picture, each once."""
        found: list[StandingPerson] = []
        for square in self._squares(picture):
            person = _standing(self._best_look(picture, square))
            if person is not None and not any(_are_same(person.here, other.here) for other in found):
                found.append(person)
        return found

    def _squares(self, picture: Array) -> list[Square]:
        """Where a person may be, the likeliest first."""
        factor = max(1.0, _LONG_SIDE / max(picture.shape[:2]))
        large = cv2.resize(picture, None, fx=factor, fy=factor, interpolation=cv2.INTER_CUBIC)
        windows, scores = self._detector.detectMultiScale(
            large, hitThreshold=_LEAST_SCORE, winStride=_STRIDE, padding=_PADDING, scale=_STEP, groupThreshold=0
        )
        squares: list[Square] = []
        # Threads find them in any order.
        found = sorted(zip(-np.ravel(scores), map(tuple, np.reshape(windows, (-1, 4)))))
        for _, window in found:
            x, y, width, height = np.asarray(window) / factor
            square = Square(np.array([x + width / 2, y + height / 2]), height / 2, 0.0)
            if not any(_is_same_window(square, other) for other in squares):
                squares.append(square)
        return squares

    def _best_look(self, picture: Array, square: Square) -> Look:
        looks: list[Look] = []
        while len(looks) < _LOOKS:
            looks.append(self._segmenter(picture, square))
            if looks[-1].asked.is_near(square, _NEARER):
                break
            square = looks[-1].asked
        return max(looks, key=lambda look: look.person)


def _standing(look: Look) -> StandingPerson | None:
    here = np.asarray(look.odds > 0)
    if look.person < _PERSON or look.feet_seen < _FEET_SEEN or not here.any():
        return None
    rows = np.flatnonzero(here.any(axis=1))
    lowest = int(rows[-1])
    if abs(lowest - look.sole) > _SOLE * len(rows) or lowest >= len(here) - _CUT:
        return None
    trunk = here & (np.arange(len(here))[:, None] < look.asked.center[1])
    stands = np.array([np.flatnonzero(here[lowest]).mean() + 0.5, lowest + 1.0])
    return StandingPerson(here, trunk, stands) if trunk.any() else None


def _is_same_window(one: Square, other: Square) -> bool:
    apart = float(np.hypot(*(one.center - other.center)))
    near = apart < _SAME_PLACE * 2 * min(one.half, other.half)
    return near and bool(abs(np.log(one.half / other.half)) < _SAME_SIZE)


def _are_same(one: Array, other: Array) -> bool:
    shared = np.count_nonzero(one & other)
    return bool(shared > _SAME * min(np.count_nonzero(one), np.count_nonzero(other)))
