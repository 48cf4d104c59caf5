"""What is cut and scaled still shows the same points at the places that its lens says."""

import cv2
import numpy as np
import pytest
from filmed_scene import film
from hypothesis import given
from hypothesis import strategies as st

from model_server.training.crops import CropWindow, crop_window, cropped, random_factors
from model_server.training.readers.reader import FrameTruth

FILMED = film(1, 160, 120, np.array([[150.0, 0, 71.3], [0, 145.0, 66.8], [0, 0, 1]]))[0]
FRAME = FrameTruth(
    FILMED.image, FILMED.depth.astype(np.float32), FILMED.camera_from_world, FILMED.intrinsics, FILMED.moving
)


def _old_pixels(new, depth):
    """Places of the new pixels' centers in the old image, through the points that they show."""
    height, width = depth.shape
    x, y = np.meshgrid(np.arange(width) + 0.5, np.arange(height) + 0.5)
    points = np.stack([x, y, np.ones_like(x)], -1) @ np.linalg.inv(new.intrinsics).T * depth[..., None]
    pixels = points @ FRAME.intrinsics.T
    return (pixels[..., :2] / pixels[..., 2:]).astype(np.float32)


@pytest.mark.parametrize(("height", "width"), [(56, 70), (70, 56), (98, 98), (42, 126), (224, 280)])
@pytest.mark.parametrize("factors", [(1.0, 1.0), (0.8, 1.0), (0.85, 0.9)])
def test_a_point_shows_the_same_before_and_after(height, width, factors):
    new = cropped(FRAME, crop_window(FRAME, factors, height, width), height, width)
    assert new.image.shape == (height, width, 3)
    assert new.depth.shape == new.moving.shape == (height, width)
    assert (new.camera_from_world == FRAME.camera_from_world).all()
    old = _old_pixels(new, new.depth)
    row, column = np.floor(old[..., 1]).astype(int), np.floor(old[..., 0]).astype(int)
    assert row.min() >= 0
    assert column.min() >= 0
    assert (new.depth == FRAME.depth[row, column]).mean() > 0.99, "centers on the border of two pixels may go to either"
    assert (new.moving == FRAME.moving[row, column]).mean() > 0.99
    shown = cv2.remap(FRAME.image, old - 0.5, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    apart = np.abs(new.image.astype(int) - shown).max(axis=-1)
    assert np.median(apart) <= 2
    assert (apart < 25).mean() > 0.93, "the rest is at the edges of things"


@pytest.mark.parametrize(("height", "width"), [(56, 70), (70, 56), (42, 126)])
def test_the_aspect_is_kept(height, width):
    new = cropped(FRAME, crop_window(FRAME, (1.0, 1.0), height, width), height, width)
    before, after = FRAME.intrinsics, new.intrinsics
    assert after[0, 0] / after[1, 1] == pytest.approx(before[0, 0] / before[1, 1], rel=1 / 50)


def test_the_lens_follows_the_window_exactly():
    new = cropped(FRAME, CropWindow(10, 20, 80, 60), 30, 20)
    x, y = 37.25, 51.5
    moved = new.intrinsics @ np.linalg.inv(FRAME.intrinsics) @ [x, y, 1]
    np.testing.assert_allclose(moved, [(x - 10) * 20 / 80, (y - 20) * 30 / 60, 1], atol=1e-12)


@given(
    st.integers(8, 300), st.integers(8, 300), st.floats(-50, 350), st.floats(-50, 350),
    st.floats(0.8, 1), st.floats(0.8, 1), st.integers(1, 20), st.integers(1, 20),
)  # fmt: skip
def test_a_window_lies_in_the_image(width, height, x, y, share_x, share_y, rows, columns):
    lens = np.array([[100.0, 0, x], [0, 100, y], [0, 0, 1]])
    frame = FrameTruth(np.zeros((height, width, 3), np.uint8), np.zeros((height, width), np.float32), np.eye(4), lens)
    window = crop_window(frame, (share_x, share_y), 14 * rows, 14 * columns)
    assert window.left >= 0
    assert window.top >= 0
    assert window.width >= 1
    assert window.height >= 1
    assert window.left + window.width <= width
    assert window.top + window.height <= height


def test_a_window_is_centered_on_the_principal_point_and_as_large_as_its_share_lets_it_be():
    window = crop_window(FRAME, (0.9, 1.0), 60, 60)
    assert window.width == window.height == round(2 * (120 - 66.8)), "the point is nearest to the lower border"
    assert window.left + window.width / 2 == pytest.approx(71.3, abs=0.51)
    assert window.top + window.height / 2 == pytest.approx(66.8, abs=0.51)


def test_the_nearest_of_the_points_in_a_pixel_stays_where_depth_is_sparse():
    depth = np.zeros((120, 160), np.float32)
    depth[40, 60], depth[41, 61], depth[43, 60], depth[90, 100] = 5, 3, 4, 7
    frame = FrameTruth(FRAME.image, depth, FRAME.camera_from_world, FRAME.intrinsics)
    new = cropped(frame, CropWindow(0, 0, 160, 120), 30, 40, sparse=True)
    assert new.depth[10, 15] == 3
    assert new.depth[22, 25] == 7
    assert np.count_nonzero(new.depth) == 2
    assert np.count_nonzero(cropped(frame, CropWindow(0, 0, 160, 120), 30, 40).depth) < 2, (
        "a pixel's center misses them"
    )


def test_sparse_points_that_get_larger_lie_where_the_lens_puts_them():
    rng = np.random.default_rng(0)
    depth = np.where(rng.random((120, 160)) < 0.05, rng.uniform(1, 9, (120, 160)), 0).astype(np.float32)
    frame = FrameTruth(FRAME.image, depth, FRAME.camera_from_world, FRAME.intrinsics)
    new = cropped(frame, CropWindow(20, 10, 40, 30), 60, 80, sparse=True)
    old = np.floor(_old_pixels(new, np.where(new.depth > 0, new.depth, 1))[new.depth > 0] + 1e-3).astype(int)
    assert np.count_nonzero(new.depth) == np.count_nonzero(depth[10:40, 20:60])
    assert (depth[old[:, 1], old[:, 0]] == new.depth[new.depth > 0]).all()


def test_half_of_the_frames_keep_a_whole_side():
    factors = np.array([random_factors(np.random.default_rng(seed)) for seed in range(2000)])
    assert factors.min() >= 0.8
    assert factors.max() == 1
    assert (factors == 1).mean(axis=0) == pytest.approx([0.5, 0.5], abs=0.05)
    assert np.mean((factors == 1).all(axis=1)) == pytest.approx(0.25, abs=0.04)


def test_a_frame_without_a_lens_is_cut_at_its_middle():
    frame = FrameTruth(FRAME.image, FRAME.depth, None, None)
    window = crop_window(frame, (1.0, 1.0), 60, 60)
    assert window == CropWindow(20, 0, 120, 120)
    assert cropped(frame, window, 60, 60).intrinsics is None
