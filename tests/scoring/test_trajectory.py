"""Errors of camera paths: by hand, under Sim(3), and evo's own published results."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation
from shared_footage import shared

from model_server.geometry.cameras import inverse
from model_server.scoring.trajectory import ATE, RPE_ROTATION, RPE_TRANSLATION, trajectory_errors
from model_server.scoring.umeyama import best_similarity
from model_server.scoring.unscorable import Unscorable

ROOT = Path(__file__).parents[2]


def _path(centers, rotations=None):
    world_from_camera = np.tile(np.eye(4), (len(centers), 1, 1))
    world_from_camera[:, :3, 3] = centers
    if rotations is not None:
        world_from_camera[:, :3, :3] = rotations
    return inverse(world_from_camera)


def _random_path(seed, count=7):
    random = np.random.default_rng(seed)
    return _path(random.normal(size=(count, 3)), Rotation.random(count, random).as_matrix())


SQUARE = np.array([[1.0, 1, 0], [-1, 1, 0], [-1, -1, 0], [1, -1, 0]])


def test_a_square_whose_corners_go_up_and_down_by_hand():
    """Corners off by +1, -1, +1, -1 along z. The best scale is 2 / (2 + 1), no rotation helps; 2 - 4 / 3 is left.

    A step is (-2, 0, 0) in truth and 2 / 3 of (-2, 0, -2) here: (2 / 3, 0, 4 / 3) off.
    """
    found = SQUARE + np.array([[0, 0, 1], [0, 0, -1], [0, 0, 1], [0, 0, -1]])
    errors = trajectory_errors(_path(found), _path(SQUARE)).figures
    assert errors[ATE] == pytest.approx(np.sqrt(2 / 3))
    assert errors[RPE_TRANSLATION] == pytest.approx(np.sqrt(20) / 3)
    assert errors[RPE_ROTATION] == pytest.approx(0, abs=1e-5)


def test_a_camera_that_turns_by_ten_degrees_a_frame_where_it_should_not():
    turns = Rotation.from_euler("z", 10 * np.arange(4)[:, None], degrees=True).as_matrix()
    errors = trajectory_errors(_path(SQUARE, turns), _path(SQUARE)).figures
    assert errors[RPE_ROTATION] == pytest.approx(10)
    assert errors[ATE] == pytest.approx(0, abs=1e-9)


@given(st.integers(0, 2**31), st.floats(0.01, 100))
@settings(max_examples=20, deadline=None)
def test_another_world_and_unit_change_nothing(seed, scale):
    found, truth = _random_path(seed), _random_path(seed + 1)
    random = np.random.default_rng(seed)
    moved = inverse(found)
    moved[:, :3, 3] *= scale
    other_from_world = np.eye(4)
    other_from_world[:3, :3], other_from_world[:3, 3] = Rotation.random(None, random).as_matrix(), random.normal(size=3)
    before = trajectory_errors(found, truth)
    after = trajectory_errors(inverse(other_from_world @ moved), truth)
    for name, value in before.figures.items():
        assert after.figures[name] == pytest.approx(value, rel=1e-6)
    np.testing.assert_allclose(after.aligned_centers, before.aligned_centers, atol=1e-6)


def test_the_truth_in_another_world_has_no_error():
    truth = _random_path(3)
    other = truth @ np.linalg.inv(truth[2])
    other[:, :3, 3] *= 0.2
    errors = trajectory_errors(other, truth)
    assert max(errors.figures.values()) < 1e-4
    np.testing.assert_allclose(errors.aligned_centers, errors.true_centers, atol=1e-9)


@pytest.mark.parametrize("count", [1, 2])
def test_too_few_cameras_have_no_error(count):
    with pytest.raises(Unscorable, match=f"a path of {count} cameras"):
        trajectory_errors(_random_path(1)[:count], _random_path(2)[:count])


def test_a_camera_that_stands_can_not_be_laid_over_a_path():
    with pytest.raises(Unscorable, match=r"predicted .* in one place"):
        trajectory_errors(_path(np.zeros((4, 3))), _path(SQUARE))
    with pytest.raises(Unscorable, match=r"true .* in one place"):
        trajectory_errors(_path(SQUARE), _path(np.float32([5, 6, 7]) + 1e-7 * SQUARE))


def test_a_camera_on_rails_has_an_error_and_evo_gives_none():
    """Along x by 0, 1, 2, 3; found at 0, 1, 2, 7: a fit in one dimension. World and turns differ."""
    steps, found = np.arange(4.0), np.array([0.0, 1, 2, 7])
    truth, ours = (np.outer(place, [1.0, 0, 0]) for place in (steps, found))
    a, b = found - found.mean(), steps - steps.mean()
    expected = np.sqrt(np.mean((a * (a @ b) / (a @ a) - b) ** 2))
    turns = Rotation.random(4, np.random.default_rng(0)).as_matrix()
    errors = trajectory_errors(_path(ours @ turns[0].T, turns[0] @ turns), _path(truth, turns))
    assert errors.figures[ATE] == pytest.approx(expected)
    assert errors.figures[RPE_ROTATION] == pytest.approx(0, abs=1e-4)
    with pytest.raises(Unscorable, match="laid over each other"):
        trajectory_errors(_path(ours), _path(truth), lines_fail=True)


@pytest.mark.parametrize("seed", range(4))
def test_our_own_alignment_is_that_of_evo(seed):
    from evo.core.geometry import umeyama_alignment

    found, truth = np.random.default_rng(seed).normal(size=(2, 5, 3))
    rotation, translation, scale = umeyama_alignment(found.T, truth.T, with_scale=True)
    ours = best_similarity(found, truth)
    np.testing.assert_allclose(ours.rotation, rotation, atol=1e-9)
    np.testing.assert_allclose(ours.translation, translation, atol=1e-9)
    assert ours.scale == pytest.approx(scale)


def _kitti(path):
    rows = np.loadtxt(path)[:, -12:].reshape(-1, 3, 4)
    world_from_camera = np.tile(np.eye(4), (len(rows), 1, 1))
    world_from_camera[:, :3] = rows
    left, _, right = np.linalg.svd(world_from_camera[:, :3, :3])  # six decimals are no rotation yet
    world_from_camera[:, :3, :3] = left @ right
    return inverse(world_from_camera)


def _tum(path):
    rows = np.loadtxt(path)
    return rows[:, 0], _path(rows[:, 1:4], Rotation.from_quat(rows[:, 4:]).as_matrix())


def _expected():
    return json.loads((shared("footage/traj_eval") / "EXPECTED.json").read_text())


@pytest.mark.parametrize("system", ["ORB", "SPTAM"])
def test_kitti_00_is_as_far_off_as_evo_says(system):
    folder, expected = shared("footage/traj_eval"), _expected()["computed_here"][f"KITTI_00_{system}, Sim3"]
    errors = trajectory_errors(_kitti(folder / f"KITTI_00_{system}.txt"), _kitti(folder / "KITTI_00_gt.txt"))
    assert errors.figures[ATE] == pytest.approx(expected["rmse"], rel=1e-6)


@pytest.mark.parametrize("sequence", ["09", "10"])
def test_kitti_odometry_is_as_far_off_as_published(sequence):
    folder, published = shared("footage/traj_eval"), _expected()["stored_in_repo"]
    (expected,) = [figures for name, figures in published.items() if f"example0_{sequence}" in name]
    path = folder / f"kitti_odom_eval_example0_{sequence}.txt"
    frames = np.loadtxt(path)[:, 0].astype(int)  # the last of them are missing
    truth = _kitti(folder / f"kitti_gt_{sequence}.txt")[frames]
    assert trajectory_errors(_kitti(path), truth).figures[ATE] == pytest.approx(expected["ATE_rmse"], rel=1e-6)


def test_tum_keyframes_are_as_far_off_as_evo_says():
    folder, expected = shared("footage/traj_eval"), _expected()["computed_here"]["freiburg1_xyz-ORB_kf_mono, Sim3"]
    times, found = _tum(folder / "freiburg1_xyz-ORB_kf_mono.txt")
    true_times, truth = _tum(folder / "freiburg1_xyz-groundtruth.txt")
    nearest = np.abs(times[:, None] - true_times).argmin(1)
    near = np.abs(times - true_times[nearest]) <= 0.01
    assert near.sum() == expected["pairs"]
    errors = trajectory_errors(found[near], truth[nearest[near]])
    assert errors.figures[ATE] == pytest.approx(expected["rmse"], abs=1e-6)


def test_turns_of_tum_are_as_far_off_as_evo_says():
    """Rotation from frame to frame, which no alignment changes."""
    folder, expected = shared("footage/traj_eval"), _expected()["computed_here"]
    times, found = _tum(folder / "freiburg1_xyz-rgbdslam.txt")
    true_times, truth = _tum(folder / "freiburg1_xyz-groundtruth.txt")
    nearest = np.abs(times[:, None] - true_times).argmin(1)
    near = np.abs(times - true_times[nearest]) <= 0.01
    figures = trajectory_errors(found[near], truth[nearest[near]]).figures
    expected = expected["freiburg1_xyz-rgbdslam, evo RPE delta 1 frame"]
    assert figures[RPE_ROTATION] == pytest.approx(expected["rot_rmse_deg"], abs=1e-6)
    assert figures[RPE_TRANSLATION] == pytest.approx(expected["trans_rmse_m"], rel=0.01)  # there without a scale


def test_evo_says_nothing_and_writes_nothing_into_the_home_directory(tmp_path):
    code = (
        "import numpy as np; from model_server.scoring.trajectory import trajectory_errors;"
        "p = np.tile(np.eye(4), (4, 1, 1)); p[:, :3, 3] = np.random.default_rng(0).normal(size=(4, 3));"
        "trajectory_errors(p, p); import sys; sys.exit('matplotlib' in sys.modules)"
    )
    environment = os.environ | {"HOME": str(tmp_path), "USERPROFILE": str(tmp_path), "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert list(tmp_path.iterdir()) == []
