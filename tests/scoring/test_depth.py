"""Depth: alignments against slow plain ones, figures by hand, and what published video depth really is."""

import itertools
import json

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation
from shared_footage import shared

from model_server.scoring.depth_alignment import fitted
from model_server.scoring.depth_errors import (
    ABS_REL,
    LOG_RMSE,
    RMSE,
    SQ_REL,
    WITHIN,
    depth_errors,
    depth_in_first_camera,
    resized,
)
from model_server.scoring.predictor import PredictedClip
from model_server.scoring.rules import Alignment


def _pair(seed, count=41):
    random = torch.Generator().manual_seed(seed)
    truth = 1 + 9 * torch.rand(count, generator=random)
    return truth * torch.exp(0.3 * torch.randn(count, generator=random)), truth


def test_figures_by_hand():
    figures = depth_errors(torch.tensor([2.0, 2.0, 9.0, 4.0]), torch.tensor([2.0, 4.0, 6.0, 5.0]))
    assert figures[ABS_REL] == pytest.approx((0 + 1 / 2 + 1 / 2 + 1 / 5) / 4)
    assert figures[SQ_REL] == pytest.approx((0 + 1 + 9 / 6 + 1 / 5) / 4)
    assert figures[RMSE] == pytest.approx(np.sqrt((0 + 4 + 9 + 1) / 4))
    assert figures[LOG_RMSE] == pytest.approx(
        np.sqrt((np.log(2) ** 2 + np.log(1.5) ** 2 + np.log(1.25) ** 2) / 4), rel=1e-5
    )
    # Ratios 1, 2, 1.5 and 1.25, which is not under 1.25.
    assert [figures[name] for name in WITHIN] == [0.25, 0.75, 0.75]


def test_depth_of_nothing_is_taken_for_a_hundredth_of_a_millimeter_where_a_logarithm_is_asked():
    figures = depth_errors(torch.tensor([-1.0]), torch.tensor([1.0]))
    assert figures[LOG_RMSE] == pytest.approx(-np.log(1e-5), rel=1e-5)
    assert figures[ABS_REL] == 2


def test_figures_are_those_of_another_tool():
    example = json.loads((shared("footage/traj_eval") / "EXPECTED.json").read_text())["depth_metric_example"]
    ours, truth = (torch.tensor(example[name], dtype=torch.float64).flatten() for name in ("pred", "gt"))
    figures = depth_errors(ours, truth)
    assert figures[ABS_REL] == pytest.approx(example["abs_rel"])
    assert figures[RMSE] == pytest.approx(3.872983346207417)
    assert figures[WITHIN[0]] == example["delta1"]


def test_the_median_of_an_even_number_is_the_lower_of_the_middle_two():
    fit = fitted(Alignment.MEDIAN, torch.tensor([1.0, 2, 8, 9]), torch.tensor([4.0, 6, 7, 9]), False)
    assert (fit.scale, fit.shift) == (3, 0)


def test_metric_depth_is_left_alone():
    depth, truth = _pair(0)
    assert torch.equal(fitted(Alignment.METRIC, depth, truth, False)(depth), depth)


@pytest.mark.parametrize("seed", range(5))
def test_a_scale_leaves_as_little_difference_as_any(seed):
    """The least sum of |s * d - t| is at one of the ratios t / d: all are tried."""
    depth, truth = _pair(seed)
    least = min(float((s * depth - truth).abs().sum()) for s in truth / depth)
    found = fitted(Alignment.SCALE, depth, truth, False)
    assert float((found(depth) - truth).abs().sum()) <= least * 1.01  # ten rounds come this near
    assert found.shift == 0


@pytest.mark.parametrize("seed", range(5))
def test_scale_and_shift_leave_as_little_difference_as_any(seed):
    """The best line goes through two of the points: all pairs are tried."""
    depth, truth = _pair(seed, 21)
    least = np.inf
    for i, j in itertools.combinations(range(len(depth)), 2):
        scale = (truth[i] - truth[j]) / (depth[i] - depth[j])
        least = min(least, float((scale * (depth - depth[i]) + truth[i] - truth).abs().sum()))
    found = fitted(Alignment.SCALE_AND_SHIFT, depth, truth, False)
    assert float((found(depth) - truth).abs().sum()) <= least * 1.01


def test_scale_and_shift_find_what_was_done_to_the_truth_and_a_flat_depth_has_no_shift():
    truth = _pair(1)[1]
    found = fitted(Alignment.SCALE_AND_SHIFT, (truth - 0.7) / 3, truth, False)
    assert (found.scale, found.shift) == (pytest.approx(3, rel=1e-4), pytest.approx(0.7, abs=1e-3))
    flat = fitted(Alignment.SCALE_AND_SHIFT, torch.full((3,), 2.0), torch.tensor([3.0, 4.0, 9.0]), False)
    assert (flat.scale, flat.shift) == (2, 0)


def test_the_published_steps_go_no_farther_than_a_tenth():
    """As published: what the medians say is hardly improved, even where it is far from good."""
    truth = _pair(2)[1]
    depth = (truth + 30) / 3
    start = float(truth.median() / depth.median())
    found = fitted(Alignment.SCALE_AND_SHIFT, depth, truth, True)
    assert abs(found.scale - start) <= 0.1 + 1e-4
    assert abs(found.shift) <= 0.1 + 1e-4
    best = fitted(Alignment.SCALE_AND_SHIFT, depth, truth, False)
    assert depth_errors(found(depth), truth)[ABS_REL] > 0.1 > depth_errors(best(depth), truth)[ABS_REL]


@given(st.integers(0, 2**31), st.floats(1e-3, 100), st.sampled_from([Alignment.MEDIAN, Alignment.SCALE]))
@settings(max_examples=30, deadline=None)
def test_the_unit_of_the_prediction_changes_nothing_once_it_is_aligned(seed, unit, alignment):
    """Up to the scale that is the smallest: 1e-3, as published."""
    depth, truth = _pair(seed)
    before, after = (
        depth_errors(fitted(alignment, ours, truth, False)(ours), truth)
        for ours in (depth.double(), depth.double() * unit)
    )
    assert after == pytest.approx(before)


def _turned_clip(depth=2.0):
    """The second camera looks 20 degrees to the side from half a unit behind, as MODEL_SPEC section 6 has it."""
    poses = np.tile(np.eye(4), (2, 1, 1))
    poses[1, :3, :3] = Rotation.from_euler("y", 20, degrees=True).as_matrix()
    poses[1, :3, 3] = -poses[1, :3, :3] @ [0, 0, -0.5]
    width, height = 70, 56
    focal = width / 2 / np.tan(np.radians(35) / 2)
    intrinsics = np.array([[focal, 0, width / 2], [0, focal, height / 2], [0, 0, 1]])
    return PredictedClip(poses, np.tile(intrinsics, (2, 1, 1)), np.full((2, height, width), depth, np.float32))


def test_published_video_depth_is_not_depth():
    stored = depth_in_first_camera(_turned_clip())
    np.testing.assert_allclose(stored[0], 2)
    assert (stored[1].min(), stored[1].max()) == (pytest.approx(1.16, abs=0.006), pytest.approx(1.59, abs=0.006))


def test_published_video_depth_is_z_of_points_unprojected_one_by_one():
    clip = _turned_clip(3.0)
    stored = depth_in_first_camera(clip)
    for row, column in [(0, 0), (55, 69), (20, 33)]:
        seen = 3.0 * np.linalg.inv(clip.intrinsics[1]) @ [column, row, 1]
        world = np.linalg.inv(clip.camera_from_world[1]) @ [*seen, 1]
        assert stored[1, row, column] == pytest.approx(world[2])


def test_cubic_enlargement_overshoots_an_edge_and_linear_does_not():
    steps = np.where(np.arange(10) < 5, 1.0, 5.0)[None, None].repeat(8, axis=1)
    assert resized(steps, 40, 8, cubic=True).max() > 5.2
    linear = resized(steps, 40, 8, cubic=False)
    assert (linear.min(), linear.max()) == (1, 5)
