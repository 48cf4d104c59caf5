"""What frames' depth maps make of each other, and which evidence counts, on maps made up for it."""

import numpy as np
from numpy.testing import assert_allclose

from model_server.engines.classical.depth_fusion import fuse_depth, points_of_others, steady_depth
from model_server.engines.classical.photographs import View, has_own_texture, mean_of_better_half
from model_server.engines.classical.upsampling import upsample

SIZE = (40, 60)
PATCH = (slice(10, 30), slice(20, 40))


def _view(sideways=0.0):
    intrinsics = np.array([[60.0, 0, 30], [0, 60, 20], [0, 0, 1]])
    camera = np.eye(4)
    camera[0, 3] = -sideways
    return View(np.full(SIZE, 100, np.float32), intrinsics, camera)


def _wall(inverse_depth=0.5, patch=None):
    wall = np.full(SIZE, inverse_depth, np.float32)
    if patch is not None:
        wall[PATCH] = patch
    return wall


def test_what_one_frame_got_wrong_is_outvoted():
    others = [(_view(0.1 * index), _wall(), _wall()) for index in (-2, -1, 1, 2)]
    assert_allclose(steady_depth(_view(), _wall(patch=0.8), others), _wall(), rtol=1e-5)


def test_a_frame_that_measured_something_nearer_has_no_vote():
    hiding = _wall(patch=2.0)
    others = [(_view(), hiding, hiding)] * 3
    assert_allclose(steady_depth(_view(), _wall(), others), _wall(), rtol=1e-5)


def test_what_was_only_filled_in_nearer_hides_nothing():
    others = [(_view(), _wall(patch=2.0), _wall(patch=0.0))] * 3
    assert_allclose(steady_depth(_view(), _wall(), others), _wall(patch=2.0), rtol=1e-5)


def test_a_frame_that_does_not_see_a_place_has_no_vote_on_it():
    beside = (_view(4.0), _wall(0.9), _wall(0.9))  # the wall's left half is out of its picture
    steady = steady_depth(_view(), _wall(), [beside, beside])
    assert_allclose(steady[:, :20], 0.5, rtol=1e-5)


def test_a_frame_alone_stays_as_it_is():
    assert np.array_equal(steady_depth(_view(), _wall(), []), _wall())


def test_frames_that_agree_are_counted_and_unknown_depth_does_not_agree():
    others = [(_view(), _wall(0.5)), (_view(), _wall(0.503)), (_view(), _wall(0.7)), (_view(), _wall(0.0))]
    fused, support, knowing = fuse_depth(_view(), _wall(0.501), others, 0.02)
    assert (support == 2).all()
    assert (knowing == 3).all()
    assert_allclose(fused, 0.501, rtol=1e-6)


def test_a_point_that_only_one_frame_measured_is_left_out():
    alone, both = np.zeros(SIZE, np.float32), np.zeros(SIZE, np.float32)
    both[5, 5] = alone[5, 5] = 0.5
    alone[30, 30] = 0.9
    seen = points_of_others(_view(), [(_view(), alone), (_view(), both)], 0.05)
    assert np.argwhere(seen).tolist() == [[5, 5]]


def test_of_points_behind_a_pixel_the_nearest_is_seen():
    near, far = _wall(0.8), _wall(0.4)
    seen = points_of_others(_view(), [(_view(), far), (_view(), far), (_view(), near), (_view(), near)], 0.05)
    assert_allclose(seen, 0.8, rtol=1e-6)


def test_texture_beside_a_pixel_is_not_its_own():
    random = np.random.default_rng(3)
    gray = np.full(SIZE, 120.0) + random.normal(0, 0.3, SIZE)
    gray[:, 30:] += random.normal(0, 30, (SIZE[0], 30))
    own = has_own_texture(gray.astype(np.float32))
    assert own[:, 33:].mean() > 0.95
    assert not own[:, :28].any()


def test_the_better_half_is_what_sorting_finds():
    random = np.random.default_rng(5)
    for count in range(1, 8):
        costs = random.integers(0, 200, (count, 6, 7)).astype(np.float32)
        expected = np.sort(costs, axis=0)[: (count + 1) // 2].mean(axis=0)
        assert_allclose(mean_of_better_half([cost.copy() for cost in costs]), expected, rtol=1e-6)


def test_a_plane_stays_a_plane_at_full_size():
    def plane(width, height):
        x, y = (np.arange(width) + 0.5) / width, (np.arange(height) + 0.5) / height
        return (1 + 0.3 * x[None] + 0.5 * y[:, None]).astype(np.float32)

    colors = np.random.default_rng(7).integers(0, 255, (80, 120, 3)).astype(np.uint8)
    result, _ = upsample(plane(60, 40), plane(60, 40), colors[::2, ::2].copy(), colors)
    assert_allclose(result[1:-1, 1:-1], plane(120, 80)[1:-1, 1:-1], atol=1e-4)
