"""People on their feet are found where they are, whatever their size. Pictures and outlines are the demo's."""

import cv2
import numpy as np
import pytest
from demo_walkers import picture, walker
from moving_box import jaccard

from model_server.people.standing_people import StandingPeople

FRAME = 30  # the red walker, whole


@pytest.fixture(scope="module")
def people() -> StandingPeople:
    return StandingPeople()


def smaller(size: float) -> tuple[np.ndarray, np.ndarray]:
    """The frame on a gray picture as large as it was, at a part of its size, and the walker's outline there."""
    image, here = picture(FRAME), walker(FRAME)
    height, width = here.shape
    to = np.array([[size, 0, (1 - size) * width / 2], [0, size, (1 - size) * height / 2]])
    sharp = cv2.GaussianBlur(image, (0, 0), 0.4 / size)
    on_gray = cv2.warpAffine(sharp, to, (width, height), borderValue=(128, 128, 128))
    return on_gray, cv2.warpAffine(255 * here.astype(np.uint8), to, (width, height)) > 127


@pytest.mark.parametrize("size", [1.0, 0.6, 0.3])
def test_a_walker_is_found_near_and_far(people, size):
    image, here = smaller(size)
    best = max(people(image), key=lambda person: jaccard(person.here, here))
    lowest = np.flatnonzero(here.any(axis=1))[-1]
    assert jaccard(best.here, here) > 0.75
    assert best.stands[1] == pytest.approx(lowest + 1, abs=0.06 * here.any(axis=1).sum())
    assert here[:, int(best.stands[0])].any()


def test_a_trunk_is_the_upper_half_of_a_person(people):
    for person in people(picture(FRAME)):
        trunk, rest = (np.flatnonzero(part.any(axis=1)) for part in (person.trunk, person.here & ~person.trunk))
        assert trunk[-1] < rest[0]
        assert 0.3 < len(trunk) / (len(trunk) + len(rest)) < 0.7


@pytest.mark.parametrize("size", [0.6, 0.3])
def test_whose_shins_are_hidden_may_stand_anywhere(people, size):
    image, here = smaller(size)
    rows, columns = (np.flatnonzero(here.any(axis=axis)) for axis in (1, 0))
    shins = rows[0] + int(0.85 * len(rows))
    image[shins : rows[-1] + 10, columns[0] - 30 : columns[-1] + 30] = 90
    assert not any((person.here & here).any() for person in people(image))


def test_each_is_found_once(people):
    found = people(picture(FRAME))
    for number, person in enumerate(found):
        assert all(jaccard(person.here, other.here) < 0.3 for other in found[:number])


def test_nobody_is_in_an_empty_picture(people):
    assert people(np.full((270, 480, 3), 120, np.uint8)) == []
