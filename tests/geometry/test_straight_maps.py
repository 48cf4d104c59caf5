"""Maps of the plate on the undistorted image: rims of things stay sharp, and nothing is made up off the plate."""

import numpy as np
import pytest

from model_server.geometry.lens import Distortion
from model_server.geometry.pixel_map import PixelMap
from model_server.geometry.plate_area import plate_area, plate_positions
from model_server.geometry.straight_maps import straight_depth, straight_map

WIDTH, HEIGHT = 84, 56
PIXELS = PixelMap((2.0, 2.1))
INTRINSICS = np.array([[120.0, 0, WIDTH], [0, 120, HEIGHT * 1.05], [0, 0, 1]])
LENS = Distortion(k1=-0.15)


def test_depth_of_two_things_is_never_mixed():
    depth = np.where(np.arange(WIDTH) < 40, 1.0, 10.0) * np.ones((HEIGHT, 1))
    found = straight_depth(depth, PIXELS, INTRINSICS, LENS)
    assert set(np.unique(found)) <= {0.0, 1.0, 10.0}


def test_depth_of_a_slope_is_as_smooth_as_the_slope():
    depth = 2 + 0.02 * (np.arange(WIDTH) + 0.5) * np.ones((HEIGHT, 1))
    found = straight_depth(depth, PIXELS, INTRINSICS, LENS)
    places = plate_positions(WIDTH, HEIGHT, PIXELS, INTRINSICS, LENS)[..., 0]
    inside = (found > 0) & (places > 1) & (places < WIDTH - 1)
    assert found[inside] == pytest.approx((2 + 0.02 * places)[inside], abs=1e-3)


def test_off_the_plate_nothing_is_known():
    shown = plate_area(WIDTH, HEIGHT, PIXELS, INTRINSICS, Distortion(k1=0.15))
    assert not shown.all()
    for straight in (straight_depth, straight_map):
        found = straight(np.ones((HEIGHT, WIDTH)), PIXELS, INTRINSICS, Distortion(k1=0.15))
        assert np.array_equal(found > 0, shown)


def test_a_pinhole_changes_nothing():
    values = np.random.default_rng(0).random((HEIGHT, WIDTH)).astype(np.float32)
    for straight in (straight_depth, straight_map):
        assert np.array_equal(straight(values, PIXELS, INTRINSICS, Distortion()), values)


def test_intrinsics_go_to_the_footage_and_back():
    pixels = PixelMap((2.0, 2.1), (3.0, -4.0))
    assert pixels.model_intrinsics(pixels.footage_intrinsics(INTRINSICS)) == pytest.approx(INTRINSICS)
    point = np.array([0.3, -0.2, 1.0])
    seen, shown = (matrix @ point for matrix in (INTRINSICS, pixels.footage_intrinsics(INTRINSICS)))
    assert pixels.footage_from_model(seen[:2]) == pytest.approx(shown[:2])
