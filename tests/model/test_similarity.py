"""Sim(3) is a group, its logarithm undoes its exponential, and a robust fit finds it through outliers."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tolerances import ROUND_TRIP, SIMILARITY

from model_server.engines.page4d.similarity import Similarity, exponential, interpolate, logarithm
from model_server.engines.page4d.similarity_fit import FitState, closed_form, fit_similarity
from model_server.geometry.cameras import transform

TURN = 3.0  # radians; below half a circle, where the logarithm is one
tangents = st.tuples(*[st.floats(-5, 5)] * 3, *[st.floats(-TURN / 2, TURN / 2)] * 3, st.floats(-3, 3)).map(np.array)
seeds = st.integers(0, 2**32 - 1)


def same(a: Similarity, b: Similarity, tolerance: float = ROUND_TRIP) -> bool:
    unit = max(1.0, float(np.abs(b.translation).max()))
    return (
        abs(float(a.scale / b.scale) - 1) < tolerance
        and np.abs(a.rotation - b.rotation).max() < tolerance
        and np.abs(a.translation - b.translation).max() < tolerance * unit
    )


@given(tangents, tangents, tangents, seeds)
def test_composition_is_one_after_the_other(x, y, z, seed):
    a, b, c = exponential(x), exponential(y), exponential(z)
    points = np.random.default_rng(seed).normal(size=(5, 3))
    size = np.abs(a.points(b.points(points))).max() + 1
    assert np.allclose((a @ b).points(points), a.points(b.points(points)), atol=ROUND_TRIP * size)
    assert same((a @ b) @ c, a @ (b @ c))
    assert same(a @ a.inverse, Similarity.identity())
    assert same(a.inverse @ a, Similarity.identity())


@given(tangents)
def test_logarithm_undoes_the_exponential(tangent):
    assert np.allclose(logarithm(exponential(tangent)), tangent, atol=ROUND_TRIP)


@given(tangents)
def test_half_a_step_twice_is_the_whole_step(tangent):
    half = exponential(tangent / 2)
    assert same(half @ half, exponential(tangent))


@given(tangents, tangents, seeds)
def test_a_camera_sees_the_same_picture_in_another_world(x, y, seed):
    b_from_a, camera = exponential(x), exponential(np.append(y[:6], 0))
    camera_from_a = np.eye(4)
    camera_from_a[:3, :3], camera_from_a[:3, 3] = camera.rotation, camera.translation
    points = np.random.default_rng(seed).normal(size=(5, 3))
    camera_from_b = b_from_a.cameras(camera_from_a)
    seen = transform(camera_from_b, b_from_a.points(points))
    assert np.allclose(seen, b_from_a.scale * transform(camera_from_a, points), atol=1e-8 * (1 + np.abs(seen).max()))
    assert np.allclose(b_from_a.inverse.cameras(camera_from_b), camera_from_a, atol=ROUND_TRIP)


def test_a_path_goes_through_its_knots_and_rests_outside():
    knots = exponential(np.array([[0.0] * 7, [1, 0, 0, 0, 0.5, 0, 0.3], [2, 1, 0, 0, 1.5, 0, 0.1]]))
    path = interpolate(knots, np.array([0.0, 4.0, 10.0]), np.array([-1.0, 0, 2, 4, 10, 12]))
    for at, knot in ((0, 0), (1, 0), (3, 1), (4, 2), (5, 2)):
        assert same(path[at], knots[knot])
    assert same(path[2] @ path[2], knots[1])


@settings(deadline=None, max_examples=40)
@given(tangents, seeds, st.booleans())
def test_a_known_similarity_is_found_through_outliers(tangent, seed, one_sided):
    random, truth = np.random.default_rng(seed), exponential(tangent)
    a = random.normal(size=(600, 3)) * [3, 2, 4] + [0, 0, 9]
    b = truth.points(a)
    wrong = np.arange(len(a)) < 0.3 * len(a)
    moved = np.array([1.0, -0.5, 2]) if one_sided else random.normal(size=(np.count_nonzero(wrong), 3)) * 5
    b[wrong] += truth.scale * moved
    fit = fit_similarity(a, b, truth.scale * a[:, 2].clip(1))
    assert fit.state is FitState.GOOD
    assert same(fit.b_from_a, truth, SIMILARITY)
    assert not fit.inliers[wrong].any()
    assert fit.inliers[~wrong].all()


@settings(deadline=None, max_examples=40)
@given(tangents, seeds)
def test_the_unit_of_neither_world_counts(tangent, seed):
    random, truth = np.random.default_rng(seed), exponential(tangent)
    a = random.normal([0, 0, 6], 1, (200, 3))
    b = a + random.normal(size=a.shape) * 0.01
    b[:50] += [0.5, 0, 0.5]
    here = fit_similarity(a, b, a[:, 2])
    there = fit_similarity(a, truth.points(b), truth.scale * a[:, 2])
    assert same(there.b_from_a, truth @ here.b_from_a)
    assert there.residual == pytest.approx(here.residual, rel=1e-6)


def test_noise_is_averaged_as_far_as_it_goes():
    random, truth = np.random.default_rng(3), exponential(np.array([1, 2, 3, 0.3, -0.4, 0.5, 0.7]))
    count, noise = 4000, 0.01
    a = random.normal([0, 0, 5], 1, (count, 3))
    b = truth.points(a + random.normal(size=a.shape) * noise)
    b[: count * 3 // 10] += truth.scale * np.array([0.6, 0, 0.6])
    fit = fit_similarity(a, b, np.full(count, float(truth.scale)))
    apart = np.linalg.norm(fit.b_from_a.points(a) - truth.points(a), axis=1) / truth.scale
    assert np.sqrt((apart**2).mean()) < 3 * noise * np.sqrt(7 / (0.7 * count))


def test_weights_count():
    random = np.random.default_rng(0)
    a = random.normal(size=(50, 3))
    b = a + random.normal(size=a.shape)
    weights = np.where(np.arange(50) < 10, 1.0, 0.0)
    assert same(closed_form(a, b, weights), closed_form(a[:10], b[:10], np.ones(10)))


def test_a_mirror_is_no_rotation():
    a = np.random.default_rng(0).normal(size=(20, 3))
    assert np.linalg.det(closed_form(a, a * [1, 1, -1], np.ones(20)).rotation) == pytest.approx(1)


LINE = np.linspace(0, 1, 50)[:, None] * [1.0, 2, 3]


@pytest.mark.parametrize(
    ("points", "state"),
    [
        (np.zeros((0, 3)), FitState.TOO_FEW),
        (np.eye(3), FitState.TOO_FEW),
        (np.full((50, 3), np.nan), FitState.TOO_FEW),
        (np.ones((50, 3)), FitState.IN_LINE),
        (LINE, FitState.IN_LINE),
    ],
)
def test_points_that_hold_no_similarity_are_named(points, state):
    fit = fit_similarity(points, points, np.ones(len(points)))
    assert (fit.state, fit.b_from_a, fit.residual) == (state, None, np.inf)


def test_a_plane_is_enough_and_unknown_points_are_left_out():
    truth = exponential(np.array([1, 2, 3, 0.3, -0.4, 0.5, 0.7]))
    a = np.random.default_rng(0).normal(size=(100, 3)) * [1, 1, 0] + [0, 0, 4]
    b = truth.points(a)
    b[::7] = np.nan
    fit = fit_similarity(a, b, np.full(100, 4.0))
    assert same(fit.b_from_a, truth)
    assert not fit.inliers[::7].any()
