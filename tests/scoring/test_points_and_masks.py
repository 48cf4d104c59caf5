"""Clouds of points and masks, against slow plain twins and by hand."""

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from model_server.scoring.mask_errors import BOUNDARY, RECALL, REGION, boundary, mask_errors, region
from model_server.scoring.point_errors import point_errors
from model_server.scoring.unscorable import Unscorable


def _nearest_by_trying_all(points, others):
    return np.array([np.linalg.norm(others - point, axis=1).min() for point in points])


def test_a_cloud_in_another_world_and_unit_has_no_error():
    random = np.random.default_rng(0)
    truth = random.normal(size=(300, 3))
    moved = 0.3 * truth @ Rotation.random(None, random).as_matrix().T + [5, 6, 7]
    assert max(point_errors(moved, truth).values()) < 1e-9


def test_distances_are_those_of_the_nearest_point_in_either_direction():
    """The error is even in all directions and has no part in scale or turn, so alignment leaves it as it is."""
    truth = np.array([[x, y, z] for x in (-4.0, 4) for y in (-4.0, 4) for z in (-4.0, 4)])
    pushed = np.concatenate([truth, truth, truth])
    true = np.concatenate([truth, truth, truth])
    pushed[:8, 0] += 1
    pushed[8:16, 0] -= 1
    figures = point_errors(pushed, true)
    # One axis is wider by 1/16 of a variance: the best scale is 16 / (16 + 2 / 9).
    scale = (3 * 16) / (3 * 16 + 2 / 3)
    accuracy = _nearest_by_trying_all(scale * pushed, true)
    completeness = _nearest_by_trying_all(true, scale * pushed)
    assert figures["accuracy_mean"] == pytest.approx(accuracy.mean())
    assert figures["accuracy_median"] == pytest.approx(np.median(accuracy))
    assert figures["completeness_mean"] == pytest.approx(completeness.mean())
    assert figures["completeness_median"] == pytest.approx(np.median(completeness))
    assert figures["accuracy_mean"] > 2 * figures["completeness_mean"]


@pytest.mark.parametrize("points", [np.eye(3), np.ones((30, 3))])
def test_points_too_few_or_all_in_one_place_have_no_error(points):
    with pytest.raises(Unscorable):
        point_errors(points, points)


def _rectangle(top, left, height, width, shape=(100, 120)):
    mask = np.zeros(shape, bool)
    mask[top : top + height, left : left + width] = True
    return mask


def test_region_by_hand():
    assert region(_rectangle(0, 0, 10, 20), _rectangle(0, 10, 10, 20)) == pytest.approx(1 / 3)
    nothing = np.zeros((4, 4), bool)
    assert region(nothing, nothing) == 1
    assert region(nothing, ~nothing) == 0


def _boundary_by_trying_all(mask, truth, reach):
    def outline(m):
        height, width = m.shape
        return [
            (y, x)
            for y in range(height)
            for x in range(width)
            if any(m[min(y + dy, height - 1), min(x + dx, width - 1)] != m[y, x] for dy, dx in [(0, 1), (1, 0), (1, 1)])
        ]

    ours, true = np.array(outline(mask)), np.array(outline(truth))
    precision = np.mean([np.hypot(*(true - place).T).min() <= reach for place in ours])
    recall = np.mean([np.hypot(*(ours - place).T).min() <= reach for place in true])
    return 2 * precision * recall / (precision + recall)


@pytest.mark.parametrize("shift", [0, 1, 2, 3, 7])
def test_boundary_counts_what_is_within_a_hundredth_of_the_diagonal(shift):
    """0.008 of a diagonal of 156 is two pixels, rounded up."""
    mask, truth = _rectangle(20, 20 + shift, 30, 40), _rectangle(20, 20, 30, 40)
    found = boundary(mask, truth)
    assert found == pytest.approx(_boundary_by_trying_all(mask, truth, 2))
    assert (found == 1) == (shift <= 2)


def test_boundary_of_nothing():
    nothing, something = np.zeros((20, 20), bool), _rectangle(5, 5, 5, 5, (20, 20))
    assert boundary(nothing, nothing) == 1
    assert boundary(nothing, something) == boundary(something, nothing) == 0


def test_means_are_over_frames():
    truth = np.stack([_rectangle(10, 10, 20, 20)] * 3)
    masks = np.stack([truth[0], _rectangle(10, 20, 20, 20), np.zeros_like(truth[0])])
    figures = mask_errors(masks, truth)
    assert figures[REGION] == pytest.approx((1 + 1 / 3 + 0) / 3)
    assert figures[RECALL] == pytest.approx(1 / 3)
    assert figures[BOUNDARY] == pytest.approx((1 + boundary(masks[1], truth[1])) / 3)
