"""The seam between two windows is found from what stands still and is sure, and says when it is a guess."""

from dataclasses import replace

import numpy as np
import pytest
from tolerances import SIMILARITY
from window_scene import StandIn, gauge, walk_around

from model_server.engines.page4d.alignment import SeamSource, align
from model_server.engines.page4d.similarity import logarithm
from model_server.engines.page4d.window import Window, WindowGeometry

SHARED = 4
NOISY_SEAM = 0.01  # in sim(3), at 2 % of noise in depth
GUESSED_TURN = 1e-6  # radians


@pytest.fixture
def sides() -> tuple[WindowGeometry, WindowGeometry]:
    return look(StandIn(hall()))


def hall():
    return walk_around(60, 0.6)


def look(network: StandIn) -> tuple[WindowGeometry, WindowGeometry]:
    """Frames 12..15 as the windows 0..15 and 12..27 have them."""
    before, after = network(Window(0, 16, 0)), network(Window(12, 28, SHARED))
    return part(before, slice(12, 16)), part(after, slice(0, SHARED))


def part(window: WindowGeometry, frames: slice) -> WindowGeometry:
    return WindowGeometry(
        window.camera_from_world[frames],
        window.intrinsics[frames],
        window.depth[frames],
        window.confidence[frames],
        None if window.motion is None else window.motion[frames],
    )


def error(seam) -> float:
    """Distance from the truth, on the Lie algebra."""
    truth = gauge(0) @ gauge(12).inverse
    return float(np.abs(logarithm(truth.inverse @ seam.world_from_window)).max())


def test_exact_windows_are_joined_exactly(sides):
    seam = align(*sides)
    assert not seam.weak
    assert error(seam) < SIMILARITY


def test_a_third_of_the_picture_may_be_wrong_in_one_way():
    seam = align(*look(StandIn(hall(), wrong=0.3)))
    assert seam.source is SeamSource.POINTS
    assert error(seam) < SIMILARITY


def test_scattered_outliers_do_no_harm(sides):
    before, after = sides
    wrong = np.random.default_rng(0).random(after.depth.shape) < 0.3
    depth = np.where(wrong, after.depth * np.random.default_rng(1).uniform(0.3, 3, wrong.shape), after.depth)
    assert error(align(before, replace(after, depth=depth.astype(np.float32)))) < SIMILARITY


def test_noise_is_averaged_out():
    seam = align(*look(StandIn(hall(), noise=0.02)))
    assert not seam.weak
    assert error(seam) < NOISY_SEAM


@pytest.mark.parametrize("knows", ["motion", "confidence"])
def test_most_of_the_picture_may_be_wrong_where_the_network_knows(sides, knows):
    before, after = sides
    depth, rumor = after.depth.copy(), np.zeros_like(after.depth)
    depth[:, :, :44] *= 1.7
    rumor[:, :, :44] = 1
    after = replace(after, depth=depth)
    if knows == "motion":
        before, after = replace(before, motion=rumor), replace(after, motion=rumor)
    else:
        after = replace(after, confidence=after.confidence - 0.5 * rumor)
    seam = align(before, after)
    assert not seam.weak
    assert error(seam) < SIMILARITY


def test_what_the_frames_of_a_window_disagree_on_is_left_out(sides):
    """No motion is known, and more of the picture moves than a robust fit can bear."""
    before, after = sides
    depth = after.depth.copy()
    depth[:, :, :44] *= np.array([1.2, 1.5, 1.9, 2.4], np.float32)[:, None, None]
    assert error(align(before, replace(after, depth=depth))) < SIMILARITY


def test_unknown_depth_is_left_out(sides):
    before, after = sides
    holes = np.where(np.arange(80) % 3 == 0, 0, 1).astype(np.float32)
    assert error(align(replace(before, depth=before.depth * holes), after)) < SIMILARITY


def test_without_common_shape_the_cameras_join_and_the_seam_is_weak(sides):
    before, after = sides
    noise = np.random.default_rng(0).uniform(0.1, 10, after.depth.shape).astype(np.float32)
    seam = align(before, replace(after, depth=noise))
    assert (seam.weak, seam.source) == (True, SeamSource.CAMERAS)
    assert seam.world_from_window.is_finite
    assert np.abs(logarithm((gauge(0) @ gauge(12).inverse).inverse @ seam.world_from_window)[3:6]).max() < GUESSED_TURN


def test_without_any_depth_the_cameras_join(sides):
    before, after = sides
    seam = align(before, replace(after, depth=np.zeros_like(after.depth)))
    assert (seam.weak, seam.source) == (True, SeamSource.CAMERAS)
    assert seam.world_from_window.is_finite


def test_with_nothing_in_common_the_seam_says_so(sides):
    before, after = sides
    seam = align(before, replace(after, camera_from_world=np.full((SHARED, 4, 4), np.nan)))
    assert (seam.weak, seam.source) == (True, SeamSource.NOTHING)
    assert seam.world_from_window.is_finite


def test_a_single_shared_frame_is_enough(sides):
    one = slice(0, 1)
    assert error(align(part(sides[0], one), part(sides[1], one))) < SIMILARITY
