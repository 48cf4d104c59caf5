"""Bodies that move are whole, and none is there that nothing tells of. Pictures and outlines are the demo's."""

import cv2
import numpy as np
import pytest
from demo_walkers import picture, walker

from model_server.people import moving_bodies as search
from model_server.people.moving_bodies import moving_bodies

FRAMES = range(28, 33)
STILL, UNKNOWN, CERTAIN = -3.0, 0.0, 6.0  # gathered evidence


def upper(mask: np.ndarray) -> np.ndarray:
    """What is above its middle."""
    half = mask.copy()
    half[int(np.argwhere(mask)[:, 0].mean()) :] = False
    return half


def found(parts: list[np.ndarray], evidence: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """(F, H, W) float32 log odds of bodies where `parts` are known to move, and (F, H, W) bool who is a person."""
    images = np.stack([picture(frame) for frame in FRAMES])
    moving = np.where(np.stack(parts), 255, 0).astype(np.uint8)
    bodies, people = np.zeros(moving.shape, np.float16), np.zeros(moving.shape, bool)
    done = []
    moving_bodies(images, moving, evidence.__getitem__, bodies, people, done.append)
    assert done == sorted(done)
    assert done[-1] == pytest.approx(1)
    return bodies.astype(np.float32), people


def searched(parts: list[np.ndarray], evidence: list[np.ndarray]) -> np.ndarray:
    """(F, H, W) float32 log odds of bodies where `parts` are known to move."""
    return found(parts, evidence)[0]


@pytest.fixture(scope="module")
def whole() -> list[np.ndarray]:
    return [walker(frame) for frame in FRAMES]


@pytest.fixture(scope="module")
def around_is_still(whole) -> list[np.ndarray]:
    """Nothing is known of the walker and his outline but that his upper half moves; all around stands still."""
    near = [cv2.dilate(each.astype(np.uint8), np.ones((15, 15), np.uint8)) > 0 for each in whole]
    return [np.where(upper(each), CERTAIN, np.where(rim, UNKNOWN, STILL)) for each, rim in zip(whole, near)]


def test_legs_are_found_from_what_moves_above_them(whole, around_is_still):
    bodies = searched([upper(each) for each in whole], around_is_still)
    for body, each in zip(bodies, whole):
        legs = each & ~upper(each)
        assert (body[legs] > 0).mean() > 0.9
        assert (body[~each] > 0).sum() < 0.15 * each.sum()


def test_a_body_is_found_again_where_too_little_moves_to_look_for_one(whole, around_is_still, monkeypatch):
    monkeypatch.setattr(search, "_LEAST_AREA", 0.05)  # of the picture: the whole walker has more, his upper half less
    parts = [*whole[:2], upper(whole[2]), *whole[3:]]
    bodies = searched(parts, around_is_still)
    assert (bodies[2][whole[2]] > 0).mean() > 0.9
    assert not searched([upper(each) for each in whole], around_is_still).any()


def test_what_lies_beside_a_body_is_less_likely_unless_it_clearly_moves(whole, around_is_still):
    evidence = [each.copy() for each in around_is_still]
    beside = np.zeros(whole[2].shape, bool)
    top, left = np.argwhere(whole[2]).min(axis=0)
    beside[top : top + 20, left - 30 : left - 10] = True
    assert not (beside & whole[2]).any()
    bodies = searched([upper(each) for each in whole], evidence)
    assert (bodies[2][beside] < 0).mean() > 0.9
    evidence[2] = np.where(beside, CERTAIN, evidence[2])
    bodies = searched([upper(each) for each in whole], evidence)
    assert (bodies[2][beside] >= 0).all()


def test_what_is_known_to_stand_still_is_not_taken_along(whole):
    evidence = [np.where(upper(each), CERTAIN, STILL) for each in whole]
    for body, each in zip(searched([upper(each) for each in whole], evidence), whole):
        assert (body[~upper(each)] > 0).sum() < 0.1 * each.sum()


def test_a_whole_walker_is_surely_a_person(whole):
    unknown = [np.zeros(each.shape) for each in whole]
    for person, each in zip(found(whole, unknown)[1], whole):
        assert np.count_nonzero(person & each) > 0.8 * np.count_nonzero(person | each)


def test_who_is_a_person_in_one_frame_alone_is_not_surely_one(whole):
    parts = [
        np.zeros_like(whole[0]),
        np.zeros_like(whole[0]),
        whole[2],
        np.zeros_like(whole[0]),
        np.zeros_like(whole[0]),
    ]
    bodies, people = found(parts, [np.zeros(each.shape) for each in whole])
    assert (bodies[2] > 0).any()
    assert not people.any()


def test_nothing_is_found_where_nothing_moves(whole):
    nothing = np.zeros(whole[0].shape)
    assert not searched([nothing > 0] * len(whole), [nothing] * len(whole)).any()
