"""Solver axes to Blender's, and pixels to Blender's lens: right for every pose, and for every shape of picture."""

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from tolerances import ROUND_TRIP, SAME_PIXEL_PX

from page4d_blender.core.coordinates import blender_camera_matrices, blender_points, leveling_matrix, quaternions
from page4d_blender.core.lens import Distortion, blender_lens, plate_pixels

unit = st.floats(-1, 1)
rotations = st.tuples(unit, unit, unit, unit).filter(lambda q: np.linalg.norm(q) > 0.1).map(lambda q: _rotation(q))


def test_camera_at_the_origin_looks_along_blender_y():
    (matrix,) = blender_camera_matrices(np.eye(4)[None])
    assert np.allclose(matrix[:3, :3] @ [0, 0, -1], [0, 1, 0])
    assert np.allclose(matrix[:3, :3] @ [0, 1, 0], [0, 0, 1])
    assert np.allclose(matrix[:3, 3], 0)


@given(rotations, st.tuples(unit, unit, unit), st.tuples(unit, unit, unit))
def test_points_keep_their_place_in_the_camera(rotation, center, point):
    pose = np.eye(4)
    pose[:3, :3], pose[:3, 3] = rotation, -rotation @ np.array(center)
    (matrix,) = blender_camera_matrices(pose[None])
    in_blender_camera = np.linalg.inv(matrix) @ [*blender_points(np.array(point)), 1]
    x, y, z = rotation @ (np.array(point) - center)
    assert np.allclose(in_blender_camera[:3], [x, -y, -z], atol=ROUND_TRIP)


@given(rotations)
def test_quaternions_turn_as_their_matrix_does(rotation):
    ((w, x, y, z),) = quaternions(rotation[None])
    assert np.allclose(_rotation((w, x, y, z)), rotation, atol=ROUND_TRIP)


@pytest.mark.parametrize("axis", range(3))
def test_quaternions_of_a_full_turn_never_jump(axis):
    angles = np.linspace(0, 2 * np.pi, 50)
    spins = [_rotation((np.cos(a / 2), *(np.sin(a / 2) * np.eye(3)[axis]))) for a in angles]
    found = quaternions(np.stack(spins))
    assert np.sum(found[1:] * found[:-1], axis=1).min() > 0.99


@given(rotations, st.floats(0.2, 3))
@example(rotation=np.diag([-1.0, -1.0, 1.0]), height=1.0)
@example(rotation=np.array([[-1.0, -1.6e-6, 0], [1.6e-6, -1.0, 0], [0, 0, 1]]), height=1.0)  # all but upside down
def test_leveling_turns_up_to_z_and_lays_the_floor_at_zero(rotation, height):
    up = rotation @ np.array([0.0, -1.0, 0.0])
    matrix = leveling_matrix(up, np.array([*up, height]))
    upright = matrix[:3, :3] @ blender_points(up)
    assert np.allclose(upright, [0, 0, 1], atol=ROUND_TRIP)
    on_floor = matrix @ [*blender_points(-height * up), 1]
    assert abs(on_floor[2]) < 1e-5
    assert np.allclose(matrix @ [0, 0, 0, 1], [0, 0, height, 1])


def test_a_floor_given_upside_down_is_the_same_floor():
    up, floor = np.array([0.0, -1.0, 0.0]), np.array([0.0, -1.0, 0.0, 1.5])
    assert np.allclose(leveling_matrix(up, floor), leveling_matrix(up, -floor))


@pytest.mark.parametrize(
    ("width", "height", "aspect"), [(1920, 1080, 1.0), (1080, 1920, 1.0), (1440, 1080, 1.6), (720, 1280, 0.9)]
)
def test_blenders_view_of_a_point_is_the_solvers(width, height, aspect):
    """Blender's own rule for the view plane (BKE_camera_params_compute_viewplane), written out."""
    focal = 1100.0
    intrinsics = np.array([[focal, 0, width * 0.46], [0, focal * aspect, height * 0.57], [0, 0, 1.0]])
    lens = blender_lens(intrinsics[None], width, height)
    x, y, z = 0.31, -0.22, 2.0
    shape = lens.pixel_aspect_y / lens.pixel_aspect_x
    side = width if lens.sensor_fit == "HORIZONTAL" else shape * height
    pixel = lens.sensor_mm / lens.focal_mm[0] / side  # size of a pixel's width at distance 1
    seen_x = x / z / pixel + width / 2 - lens.shift_x[0] * side
    seen_y = y / z / pixel / shape + height / 2 + lens.shift_y[0] * side / shape
    assert abs(seen_x - (focal * x / z + intrinsics[0, 2])) < SAME_PIXEL_PX
    assert abs(seen_y - (focal * aspect * y / z + intrinsics[1, 2])) < SAME_PIXEL_PX
    assert min(lens.pixel_aspect_x, lens.pixel_aspect_y) == 1.0  # Blender takes none below


def test_the_plate_is_distorted_as_opencv_says():
    intrinsics = np.array([[500.0, 0, 320], [0, 500, 240], [0, 0, 1]])
    lens = Distortion(-0.1, 0.02, 0.003)
    r2 = 0.4**2 + 0.3**2
    bend = 1 - 0.1 * r2 + 0.02 * r2**2 + 0.003 * r2**3
    pixels = np.array([320 + 500 * 0.4, 240 - 500 * 0.3])
    assert np.allclose(plate_pixels(pixels, intrinsics, lens), [320 + 200 * bend, 240 - 150 * bend])


def _rotation(quaternion):
    w, x, y, z = np.array(quaternion) / np.linalg.norm(quaternion)
    return np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
            [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
            [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
        ]
    )
