"""The solve ends at the truth, obeys what it is told of the lens, and marks what it could not find."""

from dataclasses import replace

import numpy as np
import pytest
from camera_errors import path_error, turn_error
from scipy.spatial.transform import Rotation
from synthetic import synthetic_clip
from tolerances import GIVEN_LENS, SOLVED_FOCAL, SOLVED_K1, SOLVED_PATH, SOLVED_PX, SOLVED_TURN
from track_scene import FOCAL, HEIGHT, WIDTH, track_scene

from model_server.engines import engine_named
from model_server.errors import Unsolvable
from model_server.geometry.cameras import project, transform
from model_server.geometry.lens import Distortion, distort
from model_server.geometry.pixel_map import PixelMap
from model_server.geometry.shot import FrameStatus, Geometry, Plate, Tracks
from model_server.pipeline.solve import solve_cameras
from model_server.pipeline.tracks import track_points
from model_server.settings import KnownLens, SolveSettings

DEFAULTS = SolveSettings()


def _ignore(done: float) -> None:
    assert 0 <= done <= 1


def _solve(scene, settings=DEFAULTS, tracks=None):
    tracks = scene.tracks if tracks is None else tracks
    geometry = engine_named("classical").estimate(scene.plate, tracks, settings, _ignore)
    return solve_cameras(scene.plate, tracks, geometry, settings, _ignore)


@pytest.fixture(scope="module")
def scene():
    return track_scene(movers=40)


@pytest.fixture(scope="module")
def solution(scene):
    return _solve(scene)


def test_cameras_and_focal_length_are_the_truth(scene, solution):
    assert (solution.status == FrameStatus.SOLVED).all()
    assert path_error(solution.camera_from_world, scene.camera_from_world) < SOLVED_PATH
    assert turn_error(solution.camera_from_world, scene.camera_from_world) < SOLVED_TURN
    assert solution.intrinsics[:, 0, 0] == pytest.approx(FOCAL, rel=SOLVED_FOCAL)
    assert solution.distortion.is_pinhole


def test_the_world_is_the_first_camera(solution):
    assert np.allclose(solution.camera_from_world[0], np.eye(4), atol=1e-9)


def test_the_error_is_what_its_own_points_and_sightings_show(solution):
    point, frame = solution.observations[:, :2].astype(int).T
    in_camera = transform(solution.camera_from_world[frame], solution.points[point].astype(np.float64))
    pixels, depth = project(in_camera, solution.intrinsics[frame])
    errors = np.linalg.norm(pixels - solution.observations[:, 2:], axis=1)
    assert (depth > 0).all()
    assert np.median(errors) == pytest.approx(solution.median_px, rel=0.01)
    assert errors.mean() == pytest.approx(solution.mean_px, rel=0.01)
    assert np.median(errors[frame == 3]) == pytest.approx(solution.reprojection_px[3], rel=0.01)
    assert solution.median_px < SOLVED_PX


def test_the_focal_length_is_within_what_its_uncertainty_says(solution):
    assert 0 < solution.focal_sigma_px < SOLVED_FOCAL * FOCAL
    assert abs(solution.intrinsics[0, 0, 0] - FOCAL) < 4 * solution.focal_sigma_px


def test_a_known_lens_is_kept(scene):
    solution = _solve(scene, SolveSettings(lens=KnownLens(focal_mm=FOCAL / WIDTH * 36, sensor_mm=36)))
    assert solution.intrinsics[:, 0, 0] == pytest.approx(FOCAL, rel=GIVEN_LENS)
    assert path_error(solution.camera_from_world, scene.camera_from_world) < SOLVED_PATH


def test_distortion_is_found():
    scene = track_scene(lens=Distortion(k1=-0.12))
    solution = _solve(scene)
    assert solution.distortion.k1 == pytest.approx(-0.12, abs=SOLVED_K1)
    assert path_error(solution.camera_from_world, scene.camera_from_world) < SOLVED_PATH


def test_a_second_coefficient_is_found_where_there_is_one():
    lens = Distortion(k1=-0.3, k2=0.12)
    scene = track_scene(lens=lens)
    solution = _solve(scene)
    found = solution.distortion
    # One may take from the other: what counts is where they put the picture's corner.
    corner = np.array([[np.hypot(WIDTH, HEIGHT) / 2 / FOCAL, 0.0]])
    assert distort(corner, found)[0, 0] * FOCAL == pytest.approx(distort(corner, lens)[0, 0] * FOCAL, abs=0.3)
    assert found.k2 > 0.05
    assert solution.intrinsics[0, 0, 0] == pytest.approx(FOCAL, rel=SOLVED_FOCAL)
    assert path_error(solution.camera_from_world, scene.camera_from_world) < SOLVED_PATH
    assert "the lens distorts radially, with two coefficients" in solution.assumptions


def test_no_second_coefficient_is_made_up():
    assert _solve(track_scene(lens=Distortion(k1=-0.12))).distortion.k2 == 0


def test_given_distortion_is_obeyed():
    lens = Distortion(-0.2, 0.05, -0.01)
    scene = track_scene(lens=lens)
    solution = _solve(scene, SolveSettings(distortion=(lens.k1, lens.k2, lens.k3)))
    assert solution.distortion == lens
    assert solution.intrinsics[:, 0, 0] == pytest.approx(FOCAL, rel=SOLVED_FOCAL)
    assert path_error(solution.camera_from_world, scene.camera_from_world) < SOLVED_PATH


def test_wide_pixels_make_fx_smaller_than_fy():
    scene = track_scene(pixel_aspect=2.0)
    solution = _solve(scene)
    assert solution.intrinsics[0] == pytest.approx(scene.intrinsics, rel=SOLVED_FOCAL, abs=1e-9)
    assert path_error(solution.camera_from_world, scene.camera_from_world) < SOLVED_PATH


def test_frames_without_tracks_are_interpolated_or_unknown_and_say_so(scene):
    rows = ~np.isin(scene.tracks.frame_indices, [0, 6, 7])
    ids, frames, positions = (part[rows] for part in vars(scene.tracks).values())
    _, ids = np.unique(ids, return_inverse=True)
    solution = _solve(scene, tracks=Tracks(ids.astype(np.int32), frames, positions))
    expected = np.full(len(scene.camera_from_world), FrameStatus.SOLVED)
    expected[0], expected[[6, 7]] = FrameStatus.UNKNOWN, FrameStatus.INTERPOLATED
    assert np.array_equal(solution.status, expected)
    assert np.isnan(solution.camera_from_world[0]).all()
    assert np.isnan(solution.reprojection_px[[0, 6, 7]]).all()
    assert np.isfinite(solution.camera_from_world[1:]).all()
    assert path_error(solution.camera_from_world[1:], scene.camera_from_world[1:]) < 10 * SOLVED_PATH


def test_cameras_of_any_engine_are_refined_and_missing_ones_found(scene):
    rough = scene.camera_from_world.copy()
    rough[1:, :3, 3] += np.random.default_rng(1).normal(0, 0.01, (len(rough) - 1, 3))
    rough[[2, 5, 9]] = np.nan
    intrinsics = np.repeat(scene.intrinsics[None] * [[1.03], [1.03], [1]], len(rough), axis=0)
    geometry = Geometry(rough, intrinsics)
    solution = solve_cameras(scene.plate, scene.tracks, geometry, SolveSettings(), _ignore)
    assert (solution.status == FrameStatus.SOLVED).all()
    assert path_error(solution.camera_from_world, scene.camera_from_world) < SOLVED_PATH


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_the_gauge_of_the_first_cameras_does_not_matter(scene, seed):
    random = np.random.default_rng(seed)
    turn, scale, shift = Rotation.random(rng=random).as_matrix(), np.exp(random.uniform(-3, 3)), random.normal(0, 9, 3)
    moved = scene.camera_from_world.copy()  # of the same cameras in a world x' = scale * turn @ x + shift
    moved[:, :3, :3] = moved[:, :3, :3] @ turn.T
    moved[:, :3, 3] = scale * moved[:, :3, 3] - moved[:, :3, :3] @ shift
    intrinsics = np.repeat(scene.intrinsics[None], len(moved), axis=0)
    ours, theirs = (
        solve_cameras(scene.plate, scene.tracks, Geometry(poses, intrinsics), SolveSettings(), _ignore)
        for poses in (scene.camera_from_world, moved)
    )
    for solution in (ours, theirs):  # the unit is free: brought to that of the path
        solution.camera_from_world[:, :3, 3] /= np.abs(solution.camera_from_world[:, :3, 3]).max()
    assert np.allclose(ours.camera_from_world, theirs.camera_from_world, atol=1e-4)
    assert theirs.intrinsics[0, 0, 0] == pytest.approx(ours.intrinsics[0, 0, 0], rel=1e-4)
    assert theirs.median_px == pytest.approx(ours.median_px, rel=5e-3)


def test_the_same_input_gives_the_same_cameras(scene, solution):
    assert np.array_equal(solution.camera_from_world, _solve(scene).camera_from_world)


def test_an_engine_without_cameras_is_named(scene):
    with pytest.raises(Unsolvable, match="no cameras"):
        solve_cameras(scene.plate, scene.tracks, Geometry(), SolveSettings(), _ignore)


def test_pictures_in_cameras_out():
    clip = synthetic_clip()
    height, width = clip.images.shape[1:3]
    plate = Plate(clip.images, lambda index: clip.images[index], width, height, 1.0, PixelMap((1.0, 1.0)))
    scene = replace(track_scene(), plate=plate)
    solution = _solve(scene, tracks=track_points(plate, _ignore))
    assert (solution.status == FrameStatus.SOLVED).all()
    assert path_error(solution.camera_from_world, clip.camera_from_world) < 3 * SOLVED_PATH
    assert solution.intrinsics[0, 0, 0] == pytest.approx(clip.intrinsics[0, 0], rel=3 * SOLVED_FOCAL)
