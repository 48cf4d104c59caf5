"""The outline of a body, on pictures of walkers whose true outline is known: the demo's footage."""

import hashlib
from pathlib import Path

import cv2
import numpy as np
import pytest
from demo_walkers import picture, walker
from moving_box import jaccard

from model_server.people import body_segmenter
from model_server.people.body_segmenter import BodySegmenter, Square

FRAME = 30  # the red walker, whole


@pytest.fixture(scope="module")
def segmenter() -> BodySegmenter:
    return BodySegmenter()


def square_around(mask: np.ndarray) -> Square:
    return Square.around(*cv2.boundingRect(mask.astype(np.uint8)))


def turned(image: np.ndarray, degrees: float) -> np.ndarray:
    """About the picture's middle, counterclockwise as seen."""
    height, width = image.shape[:2]
    about = cv2.getRotationMatrix2D((width / 2, height / 2), degrees, 1)
    return cv2.warpAffine(image, about, (width, height), borderMode=cv2.BORDER_REFLECT)


def test_the_weights_are_the_ones_that_their_card_names():
    folder = Path(body_segmenter.__file__).parent / "weights"
    digest = hashlib.sha256((folder / "pose_landmark_full.tflite").read_bytes()).hexdigest()
    assert digest in (folder / "README.md").read_text(encoding="utf-8")


def test_the_outline_is_the_walkers(segmenter):
    here = walker(FRAME)
    odds = segmenter(picture(FRAME), square_around(here)).odds
    assert odds.shape == here.shape
    assert jaccard(odds > 0, here) > 0.9


def test_a_whole_person_is_likely_to_be_one_and_a_poster_and_a_shelf_are_not(segmenter):
    assert segmenter(picture(FRAME), square_around(walker(FRAME))).person > 0.9
    assert segmenter(picture(8), Square(np.array([400.0, 250.0]), 100.0, 0.0)).person < 0.5


def test_looking_again_where_it_asks_for_finds_the_rest_of_a_body(segmenter):
    here = walker(FRAME)
    half = here.copy()
    half[int(np.argwhere(here)[:, 0].mean()) :] = False
    square = square_around(half)
    for _ in range(6):
        look = segmenter(picture(FRAME), square)
        square = look.asked
    assert jaccard(look.odds > 0, here) > 0.9


def test_nothing_is_known_outside_the_square(segmenter):
    here = walker(FRAME)
    square = square_around(here)
    odds = segmenter(picture(FRAME), square).odds
    y, x = np.indices(here.shape) + 0.5
    outside = np.maximum(abs(x - square.center[0]), abs(y - square.center[1])) > square.half + 2
    assert outside.any()
    assert (odds[outside] < -10).all()


@pytest.mark.parametrize("degrees", [-20, 20])
def test_a_body_that_leans_asks_for_a_square_that_is_turned(segmenter, degrees):
    image, here = turned(picture(FRAME), degrees), turned(walker(FRAME).astype(np.uint8), degrees) > 0
    square = square_around(here)
    for _ in range(5):
        look = segmenter(image, square)
        square = look.asked
    assert np.degrees(square.turn) == pytest.approx(degrees, abs=8)
    assert jaccard(look.odds > 0, here) > 0.85


def test_a_square_maps_its_middle_and_its_sides():
    square = Square(np.array([100.0, 60.0]), 32.0, 0.0)
    corners = np.array([[100, 60, 1], [68, 28, 1], [132, 92, 1]]).T
    assert np.allclose(square.from_picture() @ corners, np.array([[128, 128], [0, 0], [256, 256]]).T)


def test_squares_are_near_by_place_and_by_size():
    square = Square(np.array([100.0, 60.0]), 32.0, 0.0)
    assert square.is_near(Square(np.array([102.0, 60.0]), 33.0, 0.0), 0.1)
    assert not square.is_near(Square(np.array([110.0, 60.0]), 32.0, 0.0), 0.1)
    assert not square.is_near(Square(np.array([100.0, 60.0]), 40.0, 0.0), 0.1)
