"""Batches and clips are drawn as they should be, and the same ones again."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from model_server.errors import BadInput
from model_server.training.sampling import (
    RECIPES,
    ClipPlanner,
    ShapeLimits,
    batch_shape,
    clip_count,
    clip_rng,
    run_around,
)


def test_every_number_of_frames_is_as_likely_and_heights_are_whole_patches():
    shapes = [batch_shape(ShapeLimits(), 7, step) for step in range(3000)]
    counts = Counter(shape.frame_count for shape in shapes)
    assert sorted(counts) == list(range(2, 17))
    assert min(counts.values()) > 0.6 * 3000 / 15
    assert {shape.width for shape in shapes} == {518}
    heights = {shape.height for shape in shapes}
    assert (min(heights), max(heights)) == (168, 518), "0.33 and 1.0 of 518, down to a multiple of 14"
    assert all(height % 14 == 0 for height in heights)


def test_a_step_has_its_shape_whenever_it_is_asked_for():
    assert batch_shape(ShapeLimits(), 7, 5) == batch_shape(ShapeLimits(), 7, 5)
    assert len({batch_shape(ShapeLimits(), seed, 5) for seed in range(20)}) > 10


@pytest.mark.parametrize(("frames", "clips"), [(2, 16), (3, 10), (16, 2), (17, 1), (40, 1)])
def test_a_batch_has_as_many_clips_as_images_fit(frames, clips):
    assert clip_count(frames, 32) == clips


@pytest.mark.parametrize(
    "wrong", [{"width": 500}, {"width": 0}, {"least_frames": 5, "most_frames": 4}, {"least_frames": 0},
              {"least_aspect": 0.0}, {"least_aspect": 2.0}]
)  # fmt: skip
def test_limits_that_make_no_shape_are_refused(wrong):
    with pytest.raises(BadInput):
        ShapeLimits(**wrong)


@given(st.data(), st.integers(1, 8), st.integers(2, 60), st.integers(2, 16))
def test_a_run_holds_its_pair_at_its_stride_and_goes_on_to_the_right_first(data, stride, length, count):
    if length < 2 * stride:
        return
    start = data.draw(st.integers(0, length - 2 * stride))
    run = run_around(start, stride, length, count)
    there = list(range(start % stride, length, stride))
    assert len(run) == count
    assert {start, start + stride} <= set(run)
    unique = list(dict.fromkeys(run))
    assert unique == there[there.index(unique[0]) :][: len(unique)], "neighbors on the lattice"
    if len(there) >= count:
        assert len(unique) == count
        assert run[0] == start or run[-1] == there[-1], "to the left only where the right is used up"
    else:
        assert list(run) == there + [there[-1]] * (count - len(there))


def test_clips_are_drawn_as_often_as_a_list_of_all_base_pairs_has_them():
    lengths, strides = [10, 3, 1, 25], (1, 4)
    listed = [
        (sequence, stride, start)
        for sequence, length in enumerate(lengths)
        for stride in strides
        for start in range(0, length - 2 * stride + 1, 2)
    ]
    planner, drawn = ClipPlanner(lengths, strides), Counter()
    for clip in range(4000):
        plan = planner.draw(2, clip_rng(1, 0, clip))
        drawn[(plan.sequence, plan.frames[1] - plan.frames[0], plan.frames[0])] += 1
    assert set(drawn) == set(listed)
    expected = 4000 / len(listed)
    assert max(abs(count - expected) for count in drawn.values()) < 5 * expected**0.5


def test_frames_without_strides_are_drawn_each_on_its_own():
    planner = ClipPlanner([5, 0, 2], ())
    plans = [planner.draw(8, clip_rng(1, 0, clip)) for clip in range(200)]
    assert {plan.sequence for plan in plans} == {0, 2}
    assert {frame for plan in plans if plan.sequence == 0 for frame in plan.frames} == set(range(5))
    assert any(list(plan.frames) != sorted(plan.frames) for plan in plans)


@pytest.mark.parametrize(("lengths", "strides"), [([], (1,)), ([1, 1], (1, 2)), ([7], (4, 8)), ([0], ())])
def test_sequences_that_are_all_too_short_are_refused(lengths, strides):
    with pytest.raises(ValueError, match="long enough"):
        ClipPlanner(lengths, strides)


def test_clips_have_their_own_numbers_that_differ_from_those_of_the_shape():
    numbers = [clip_rng(3, 4, clip).random() for clip in range(50)] + [np.random.default_rng([3, 4]).random()]
    assert len(set(numbers)) == 51


def test_shares_are_those_of_official_training():
    total = sum(recipe.weight for recipe in RECIPES.values())
    shares = {name: round(100 * recipe.weight / total, 1) for name, recipe in RECIPES.items()}
    assert shares == {
        "point_odyssey": 14.6,
        "dynamic_replica": 22.9,
        "kubric": 10.4,
        "spring": 10.4,
        "co3d": 20.8,
        "waymo": 20.8,
    }
