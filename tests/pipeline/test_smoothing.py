"""Smoothing takes jitter, leaves the move, and says in measured pixels what it costs."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial.transform import Rotation
from tolerances import CALM, GAUGE, HALVED, SMOOTH_PATH

from model_server.geometry.cameras import inverse, project, transform
from model_server.geometry.lens import Distortion, distort_pixels
from model_server.geometry.shot import FrameStatus, Solution
from model_server.pipeline.smoothing import cutoff_frames, low_pass, smoothed

FRAMES, FOCAL, WIDTH, HEIGHT = 64, 500.0, 640, 360


def _poses(turns, centers):
    world_from_camera = np.repeat(np.eye(4)[None], len(turns), axis=0)
    world_from_camera[:, :3, :3] = Rotation.from_rotvec(turns).as_matrix()
    world_from_camera[:, :3, 3] = centers
    return inverse(world_from_camera)


def _move():
    """Turns and centers of a slow, smooth move."""
    s = np.linspace(0, 1, FRAMES)[:, None]
    return np.hstack([0.1 * s**2, 0.4 * s, 0.05 * s]), np.hstack([2 * s, 0.3 * s**2, 0.5 * s])


def _solution(turns, centers, focals=None, lens=None, true=None):
    """Cameras as given; points and sightings as the cameras of `true` (turns, centers) see them."""
    lens = lens or Distortion()
    poses, seen_by = _poses(turns, centers), _poses(*(true or (turns, centers)))
    points = np.random.default_rng(3).uniform([-4, -2, 3], [5, 2, 8], (150, 3))
    intrinsics = np.repeat(np.array([[FOCAL, 0, WIDTH / 2], [0, FOCAL, HEIGHT / 2], [0, 0, 1.0]])[None], FRAMES, 0)
    if focals is not None:
        intrinsics[:, [0, 1], [0, 1]] = focals[:, None]
    rows = []
    for frame in range(FRAMES):
        pixels, depth = project(transform(seen_by[frame], points), intrinsics[frame])
        inside = np.flatnonzero((depth > 0.5) & (pixels > 0).all(1) & (pixels < [WIDTH, HEIGHT]).all(1))
        rows.append(np.column_stack([inside, np.full(len(inside), frame), pixels[inside]]))
    observations = np.concatenate(rows).astype(np.float32)
    solution = Solution(
        poses,
        intrinsics,
        lens,
        np.zeros(FRAMES, np.uint8),
        np.zeros(FRAMES, np.float32),
        points.astype(np.float32),
        observations,
    )
    median, mean = _errors(solution)
    return replace(solution, median_px=median, mean_px=mean)


def _errors(solution):
    point, frame = solution.observations[:, :2].astype(int).T
    pixels, _ = project(
        transform(solution.camera_from_world[frame], solution.points[point].astype(float)), solution.intrinsics[frame]
    )
    errors = np.linalg.norm(pixels - solution.observations[:, 2:], axis=1)
    return float(np.median(errors)), float(errors.mean())


def _away(solution, true):
    """RMS of turns (radians) and centers from the truth, in the world of the true first camera."""
    world_from_camera = inverse(solution.camera_from_world)
    truth = inverse(_poses(*true))
    # The world is the first camera's: bring the two worlds together over all frames before comparing.
    turns = Rotation.from_matrix(truth[:, :3, :3]) * Rotation.from_matrix(world_from_camera[:, :3, :3]).inv()
    mean = turns.mean()
    moved = mean.apply(world_from_camera[:, :3, 3])
    moved += (truth[:, :3, 3] - moved).mean(0)
    rest = (mean.inv() * turns).magnitude()
    return np.sqrt((rest**2).mean()), np.sqrt(((truth[:, :3, 3] - moved) ** 2).sum(1).mean())


@pytest.mark.parametrize("strength", [0.25, 0.5, 0.75])
def test_jitter_of_known_size_goes_down(strength):
    true = turns, centers = _move()
    random = np.random.default_rng(0)
    shaken = _solution(
        turns + random.normal(0, 0.002, turns.shape), centers + random.normal(0, 0.01, centers.shape), true=true
    )
    before, after = _away(shaken, true), _away(smoothed(shaken, strength), true)
    # White noise keeps the share of its power that lies below the cutoff: 2 / period.
    expected = np.sqrt(2 / cutoff_frames(strength))
    assert after[0] < CALM * expected * before[0]
    assert after[1] < CALM * expected * before[1]


@pytest.mark.parametrize("strength", [0.1, 0.5, 1.0])
def test_a_smooth_path_stays(strength):
    true = _move()
    calm = smoothed(_solution(*true), strength)
    turned, moved = _away(calm, true)
    assert turned < SMOOTH_PATH
    assert moved < SMOOTH_PATH
    assert calm.median_px < 0.05


@pytest.mark.parametrize("period", [4, 8, 16])
def test_a_swing_as_long_as_the_cutoff_is_halved(period):
    t = np.arange(400.0)
    swing = np.sin(2 * np.pi * t / period + 0.3)[:, None]
    calm = low_pass(swing, np.ones(len(t)), period)
    middle = slice(100, 300)
    assert np.std(calm[middle]) / np.std(swing[middle]) == pytest.approx(0.5, abs=HALVED)
    assert (calm * swing)[middle].mean() > 0.49 * (swing**2)[middle].mean()  # and comes no later


def test_the_error_is_measured_again():
    turns, centers = _move()
    random = np.random.default_rng(1)
    before = _solution(turns + random.normal(0, 0.002, turns.shape), centers, true=None)
    after = smoothed(before, 0.5)
    median, mean = _errors(after)
    assert after.median_px == pytest.approx(median, rel=1e-3)
    assert after.mean_px == pytest.approx(mean, rel=1e-3)
    assert after.median_px > before.median_px + 0.2  # the camera did shake, and now it does not
    assert (
        f"smoothing 0.5: swings shorter than 8 frames are damped; median error from {before.median_px:.2f} to"
        in (after.assumptions[-1])
    )
    frame = after.observations[:, 1] == 10
    alone = replace(after, observations=after.observations[frame])
    assert after.reprojection_px[10] == pytest.approx(_errors(alone)[0], rel=1e-3)


def test_where_the_world_lies_makes_no_difference():
    random = np.random.default_rng(2)
    turns, centers = _move()
    shaken = _solution(turns + random.normal(0, 0.01, turns.shape), centers + random.normal(0, 0.01, centers.shape))
    other_from_world = np.eye(4)
    other_from_world[:3, :3] = Rotation.from_rotvec([1.0, -2.0, 0.5]).as_matrix()
    other_from_world[:3, 3] = [5.0, -3.0, 2.0]
    elsewhere = replace(
        shaken,
        camera_from_world=shaken.camera_from_world @ inverse(other_from_world),
        points=transform(other_from_world, shaken.points.astype(float)),
    )
    one, other = smoothed(shaken, 0.5), smoothed(elsewhere, 0.5)
    assert np.allclose(one.camera_from_world, other.camera_from_world, atol=GAUGE)
    assert np.allclose(one.camera_from_world[0], np.eye(4), atol=GAUGE)


def test_interpolated_frames_follow_the_smooth_path_and_unknown_ones_stay_unknown():
    true = turns, centers = _move()
    centers = centers.copy()
    centers[30:33] += [0.0, 0.05, 0.0]
    solution = _solution(turns, centers, true=true)
    status = solution.status.copy()
    status[30:33], status[60:] = FrameStatus.INTERPOLATED, FrameStatus.UNKNOWN
    poses = solution.camera_from_world.copy()
    poses[60:] = np.nan
    seen = ~np.isin(solution.observations[:, 1], [30, 31, 32, 60, 61, 62, 63])
    solution = replace(solution, camera_from_world=poses, status=status, observations=solution.observations[seen])
    calm = smoothed(solution, 0.5)
    assert np.isnan(calm.camera_from_world[60:]).all()
    assert np.array_equal(calm.status, status)
    off = inverse(calm.camera_from_world[30:33])[:, 1, 3] - inverse(_poses(*true))[30:33, 1, 3]
    assert np.abs(off).max() < 0.02
    assert np.isnan(calm.reprojection_px[30:33]).all()


def test_a_tripod_stays_where_it_stands():
    turns, centers = _move()
    random = np.random.default_rng(4)
    calm = smoothed(_solution(turns + random.normal(0, 0.01, turns.shape), 0 * centers), 0.7)
    assert np.allclose(inverse(calm.camera_from_world)[:, :3, 3], 0, atol=GAUGE)


def test_a_zoom_is_smoothed_as_well_and_the_plate_stays():
    turns, centers = _move()
    true = np.geomspace(400, 600, FRAMES)
    shaken = true * np.exp(np.random.default_rng(5).normal(0, 0.01, FRAMES))
    lens = Distortion(-0.1)
    before = _solution(turns, centers, shaken, lens)
    calm = smoothed(before, 0.5)
    found = calm.intrinsics[:, 0, 0]
    assert np.std(np.log(found / true)) < 0.6 * np.std(np.log(shaken / true))
    for frame in (0, 20, 50):
        rows = before.observations[:, 1] == frame
        plate = [
            distort_pixels(solution.observations[rows, 2:].astype(float), solution.intrinsics[frame], lens)
            for solution in (before, calm)
        ]
        assert np.allclose(*plate, atol=1e-2)


def test_none_changes_nothing_and_short_shots_are_left_alone():
    solution = _solution(*_move())
    assert smoothed(solution, 0.0) is solution
    values = np.array([[0.0], [1.0], [0.0]])
    assert np.array_equal(low_pass(values, np.ones(3), 8.0), values)
