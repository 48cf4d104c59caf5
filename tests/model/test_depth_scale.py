"""The network's depth is brought to the solve's unit by points, frame by frame, without flicker."""

import numpy as np
import pytest
from tolerances import FRAME_SCALE, TINY_FLICKER

from model_server.engines.page4d.depth_scale import depth_scale

FRAMES = 24


def _points(scales, seen=40, noise=0.03, wrong=0.0, shift=0.0, seed=3):
    """Frames, the network's depth and the true depth of points, `seen` in each frame or as many as the array says."""
    random = np.random.default_rng(seed)
    frames = np.repeat(np.arange(FRAMES), np.broadcast_to(seen, FRAMES))
    found = random.uniform(1, 6, len(frames))
    true = scales[frames] * (found + shift) * np.exp(random.normal(0, noise, len(frames)))
    true[random.random(len(frames)) < wrong] *= 2.5  # on the far side of a rim
    return frames, found, true


@pytest.mark.parametrize("scales", [np.full(FRAMES, 3.0), np.geomspace(2, 3, FRAMES)], ids=["constant", "drifting"])
def test_scales_are_found_though_points_are_wrong(scales):
    fit = depth_scale(*_points(scales, wrong=0.2), FRAMES)
    assert np.abs(np.log(fit.scales / scales)).max() <= 3 * FRAME_SCALE
    assert fit.shift == 0
    assert fit.spread == pytest.approx(0.03, abs=0.02)


def test_what_many_points_say_of_one_frame_is_kept():
    """The network's own flicker goes away: its unit may differ from frame to frame."""
    scales = 3.0 * np.exp(np.random.default_rng(1).normal(0, 0.05, FRAMES))
    fit = depth_scale(*_points(scales, seen=400, noise=0.01), FRAMES)
    assert np.abs(np.log(fit.scales / scales)).max() <= FRAME_SCALE


def test_few_uncertain_points_do_not_make_depth_flicker():
    fit = depth_scale(*_points(np.full(FRAMES, 3.0), seen=9, noise=0.15), FRAMES)
    assert np.diff(np.log(fit.scales)).std() <= TINY_FLICKER


def test_frames_without_points_take_their_scale_from_those_around_them():
    scales = np.geomspace(2, 3, FRAMES)
    seen = np.full(FRAMES, 40)
    seen[8:11], seen[-3:] = 0, 2
    fit = depth_scale(*_points(scales, seen=seen), FRAMES)
    assert np.abs(np.log(fit.scales / scales)).max() <= 0.1
    assert np.isnan(fit.spreads[[8, 9, 10, -1]]).all()


def test_a_shift_is_found_where_there_is_one():
    fit = depth_scale(*_points(np.full(FRAMES, 3.0), noise=0.01, shift=0.8), FRAMES)
    assert fit.shift == pytest.approx(0.8, abs=0.1)
    assert fit.spread <= 0.03


def test_no_points_at_all_leave_the_unit_alone():
    fit = depth_scale(np.zeros(0, int), np.zeros(0), np.zeros(0), FRAMES)
    assert np.array_equal(fit.scales, np.ones(FRAMES))
    assert fit.spread == np.inf
