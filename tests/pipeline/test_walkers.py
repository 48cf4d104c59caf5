"""Who goes along with the camera is found by where they stand; who stands still is not. The shots are drawn."""

import numpy as np
import pytest
from walker_shot import PIXELS, WALKER, WalkerShot, walker_shot

from model_server.geometry.shot import DepthMaps
from model_server.people.standing_people import StandingPeople
from model_server.pipeline.walkers import walkers

PACE = 0.45  # of the camera's: he looks like a still point 1.8 times as far


def marked(shot: WalkerShot, known: np.ndarray | None = None, depth: DepthMaps | None = None) -> np.ndarray:
    walking, done = np.zeros(shot.walker.shape, bool), []
    moving = np.zeros(shot.walker.shape, np.uint8) if known is None else 255 * known.astype(np.uint8)
    walkers(shot.images, moving, PIXELS, shot.solution, depth or shot.depth, walking, done.append)
    assert done == sorted(done)
    assert done[-1] == pytest.approx(1)
    return walking


@pytest.fixture(scope="module")
def shot() -> WalkerShot:
    return walker_shot(PACE)


def test_the_trunk_of_who_goes_along_with_the_camera_is_found_in_every_frame(shot):
    for frame, truth in zip(marked(shot), shot.walker):
        assert np.count_nonzero(frame & truth) > 0.5 * np.count_nonzero(truth)
        assert np.count_nonzero(frame & ~truth) < 0.15 * np.count_nonzero(truth)


def test_where_people_are_looked_for_they_are_found_whole(shot):
    whole = [frame[truth].mean() > 0.85 for frame, truth in zip(marked(shot), shot.walker)]
    assert sum(whole) >= len(whole) // 3


def test_who_comes_the_other_way_is_found_too():
    shot = walker_shot(-PACE)
    assert (marked(shot) & shot.walker).any(axis=(1, 2)).all()


def test_who_stands_still_is_seen_and_not_marked():
    shot = walker_shot(0.0)
    assert StandingPeople()(shot.images[0])
    assert not marked(shot).any()


def test_a_floor_that_is_a_little_off_makes_nobody_walk():
    shot = walker_shot(0.0)
    depth = np.array(shot.depth.depth)
    floor = np.arange(depth.shape[1])[:, None] > depth.shape[1] * 0.65
    assert not marked(shot, depth=DepthMaps(np.where(floor, 0.93 * depth, depth), shot.depth.confidence)).any()


def test_whose_motion_is_known_or_whose_depth_was_measured_is_left_alone(shot):
    assert not marked(shot, known=shot.walker).any()
    measured = np.where(shot.walker, WALKER, shot.depth.depth).astype(np.float32)
    assert not marked(shot, depth=DepthMaps(measured, np.ones_like(shot.depth.confidence))).any()


def test_without_a_floor_nobody_is_marked(shot):
    nothing = DepthMaps(np.zeros_like(shot.depth.depth), np.zeros_like(shot.depth.confidence))
    assert not marked(shot, depth=nothing).any()
