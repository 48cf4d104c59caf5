"""What has no edge to the still floor is the floor; what has one is judged by itself."""

import numpy as np
import pytest

from model_server.pipeline.bare_patches import mostly_still

HEIGHT, WIDTH = 120, 160
THING = np.s_[30:90, 60:100]


def picture(edge: int = 60) -> np.ndarray:
    """A bare floor and a bare thing on it, so many levels brighter."""
    image = np.full((HEIGHT, WIDTH, 3), 110, np.uint8)
    image[THING] += np.uint8(edge)
    return image


def odds_around(by: int) -> np.ndarray:
    """The thing moves, and so does, wrongly, what is up to so many pixels beside it."""
    odds = np.full((HEIGHT, WIDTH), -2.0, np.float32)
    odds[30 - by : 90 + by, 60 - by : 100 + by] = 2.0
    return odds


def test_bare_floor_beside_a_thing_belongs_to_the_floor_and_a_bare_thing_does_not():
    still = mostly_still(picture(), odds_around(12))
    thing = np.zeros(still.shape, bool)
    thing[26:94, 56:104] = True  # with what is blurred and too near its edge to tell
    assert still[~thing].all()
    assert not still[34:86, 64:96].any()


def test_a_floor_most_of_which_moves_is_left_alone():
    assert not mostly_still(picture(), odds_around(29)).any()


def test_a_leak_through_a_small_gap_in_an_edge_joins_nothing():
    image = picture(0)
    image[THING] = 20
    image[33:87, 63:97] = 110  # a rim of three pixels is all that parts it from the floor ...
    image[50:57, 60:63] = 110  # ... and is open over seven
    assert not mostly_still(image, odds_around(0))[40:80, 70:90].any()


def test_texture_is_no_patch():
    image = np.random.default_rng(0).integers(0, 255, (HEIGHT, WIDTH, 3)).astype(np.uint8)
    assert not mostly_still(image, odds_around(12)).any()


@pytest.mark.parametrize("edge", [4, 60])
def test_only_an_edge_parts_a_thing_from_the_floor(edge):
    assert mostly_still(picture(edge), odds_around(0))[40:80, 70:90].all() == (edge == 4)
