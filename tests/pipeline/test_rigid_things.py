"""A thing that was found late, or in part, is found as a whole and from its first frame; scenery is not."""

import numpy as np
import pytest
from card_shot import CardShot, card_shot
from moving_box import jaccard
from tolerances import RIGID_J

from model_server.geometry.pixel_map import PixelMap
from model_server.pipeline.rigid_things import rigid_things

LATE = 18  # the first of the frames in which motion was found


def held_in(shot: CardShot, found: np.ndarray) -> np.ndarray:
    held = np.zeros(found.shape, bool)
    moving = 255 * found.astype(np.uint8)
    rigid_things(shot.images, moving, PixelMap((1.0, 1.0)), shot.solution, 1.0, held, lambda done: None)
    return held


def late(shot: CardShot) -> np.ndarray:
    found = shot.card.copy()
    found[:LATE] = False
    return found


@pytest.fixture(scope="module")
def coming() -> CardShot:
    return card_shot(np.array([0.3, 0.2, 9.0]), np.array([0.2, 0.2, 5.0]))


def test_what_comes_along_the_view_is_found_from_its_first_frame(coming):
    held = held_in(coming, late(coming))
    assert min(jaccard(frame, truth) for frame, truth in zip(held, coming.card)) >= RIGID_J


def test_what_was_found_in_part_is_found_whole(coming):
    found = late(coming)
    for frame, card in zip(found, coming.card):
        columns = np.flatnonzero(card.any(axis=0))
        rows = np.flatnonzero(card.any(axis=1))
        frame[: rows[0] + len(rows) // 3, columns[0] + len(columns) // 2 :] = False
    held = held_in(coming, found)
    assert min(jaccard(frame, truth) for frame, truth in zip(held, coming.card)) >= RIGID_J


def test_what_stands_still_is_no_thing():
    at = np.array([0.6, 0.2, 6.0])
    still = card_shot(at, at)
    held = held_in(still, late(still))
    assert not held.any()


def test_what_was_lost_is_found_to_the_last_frame(coming):
    found = coming.card.copy()
    found[6:] = False
    held = held_in(coming, found)
    assert jaccard(held[-1], coming.card[-1]) >= RIGID_J
