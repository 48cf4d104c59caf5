"""Projection, lenses and pixel maps: what must hold for any camera."""

import numpy as np
import pytest
import tolerances
from hypothesis import given
from hypothesis import strategies as st

from model_server.geometry.cameras import inverse, pixel_centers, project, transform, unproject
from model_server.geometry.lens import Distortion, distort, distort_pixels, undistort, undistort_pixels
from model_server.geometry.pixel_map import PixelMap, fit_long_side

SEEDS = st.integers(0, 2**32 - 1)


def _camera(rng):
    rotation, _ = np.linalg.qr(rng.normal(size=(3, 3)))
    pose = np.eye(4)
    pose[:3, :3] = rotation * np.sign(np.linalg.det(rotation))
    pose[:3, 3] = rng.normal(size=3) * 10
    width, height = rng.integers(64, 4096, 2)
    intrinsics = np.diag([*rng.uniform(0.4, 4, 2) * width, 1.0])
    intrinsics[:2, 2] = width / 2, height / 2
    return pose, intrinsics, (width, height)


@given(SEEDS)
def test_unproject_undoes_project(seed):
    rng = np.random.default_rng(seed)
    _, intrinsics, _ = _camera(rng)
    points = rng.uniform([-5, -5, 0.5], [5, 5, 50], (40, 3))
    pixels, depth = project(points, intrinsics)
    assert np.allclose(unproject(pixels, depth, intrinsics), points, atol=tolerances.ROUND_TRIP)


@given(SEEDS)
def test_inverse_of_a_pose_undoes_it(seed):
    rng = np.random.default_rng(seed)
    pose, _, _ = _camera(rng)
    points = rng.normal(size=(20, 3)) * 10
    assert np.allclose(transform(inverse(pose), transform(pose, points)), points, atol=tolerances.ROUND_TRIP)
    assert np.allclose(inverse(pose) @ pose, np.eye(4), atol=tolerances.ROUND_TRIP)


@given(SEEDS)
def test_undistort_undoes_distort(seed):
    rng = np.random.default_rng(seed)
    lens = Distortion(rng.uniform(-0.2, 0.3), rng.uniform(-0.02, 0.05), 0.0)
    points = rng.uniform(-0.6, 0.6, (50, 2))
    assert np.allclose(undistort(distort(points, lens), lens), points, atol=tolerances.ROUND_TRIP)


@given(SEEDS)
def test_lens_in_pixels_is_the_lens_in_normalized_coordinates(seed):
    rng = np.random.default_rng(seed)
    _, intrinsics, (width, height) = _camera(rng)
    lens = Distortion(k1=-0.05)
    pixels = rng.uniform([0, 0], [width, height], (30, 2))
    normalized = (pixels - intrinsics[:2, 2]) / np.diag(intrinsics)[:2]
    back = undistort_pixels(distort_pixels(pixels, intrinsics, lens), intrinsics, lens)
    near = np.linalg.norm(normalized, axis=1) < 1.5  # the polynomial turns at r = 2.58
    assert np.allclose(back[near], pixels[near], atol=tolerances.ROUND_TRIP_PX)


def test_barrel_distortion_pulls_the_corner_inwards():
    assert np.all(distort(np.array([[0.5, 0.5]]), Distortion(k1=-0.1)) < 0.5)


def test_a_lens_that_folds_over_stays_finite():
    far = np.array([[5.0, 5.0], [0.0, 0.0]])
    assert np.isfinite(undistort(far, Distortion(k1=-0.3))).all()


def test_the_first_pixel_center_is_half_a_pixel_in():
    centers = pixel_centers(4, 3)
    assert centers.shape == (3, 4, 2)
    assert centers[0, 0].tolist() == [0.5, 0.5]
    assert centers[2, 3].tolist() == [3.5, 2.5]


@given(SEEDS)
def test_a_point_seen_through_model_intrinsics_lies_on_the_same_footage_pixel(seed):
    rng = np.random.default_rng(seed)
    _, intrinsics, _ = _camera(rng)
    pixels = PixelMap(scale=tuple(rng.uniform(0.5, 8, 2)), offset=tuple(rng.uniform(-3, 3, 2)))
    points = rng.uniform([-5, -5, 0.5], [5, 5, 50], (40, 3))
    footage, _ = project(points, intrinsics)
    model, _ = project(points, pixels.model_intrinsics(intrinsics))
    assert np.allclose(pixels.footage_from_model(model), footage, atol=tolerances.ROUND_TRIP_PX)
    assert np.allclose(pixels.model_from_footage(footage), model, atol=tolerances.ROUND_TRIP_PX)


@pytest.mark.parametrize("size", [(1920, 1080), (1080, 1920), (640, 480), (2390, 1000), (101, 57)])
def test_the_model_image_keeps_the_shape_of_the_footage(size):
    width, height = fit_long_side(*size, long_side=640)
    assert max(width, height) == min(640, max(size))
    assert abs(width / height - size[0] / size[1]) < size[0] / size[1] / min(width, height)


def test_a_scale_of_zero_is_refused():
    with pytest.raises(ValueError, match="not positive"):
        PixelMap(scale=(0.0, 1.0))
