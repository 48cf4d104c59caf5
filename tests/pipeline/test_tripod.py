"""A camera that stays in one place is recognized and solved to the truth, without depth and without an excuse."""

from dataclasses import replace

import numpy as np
import pytest
from camera_errors import turn_error
from tolerances import GIVEN_LENS, SOLVED_FOCAL, SOLVED_K1, SOLVED_PX, SOLVED_TURN
from track_scene import FOCAL, WIDTH, track_scene

from model_server.engines import engine_named
from model_server.errors import Unsolvable
from model_server.geometry.cameras import project, transform
from model_server.geometry.lens import Distortion
from model_server.geometry.shot import FrameStatus, Geometry, SolveMode, Tracks
from model_server.pipeline.camera_choice import solve_shot
from model_server.settings import KnownLens, ModeChoice, SolveSettings

DEFAULTS = SolveSettings()
CHOSEN = SolveSettings(mode=ModeChoice.TRIPOD)


def _ignore(done: float) -> None:
    assert 0 <= done <= 1


def _solve(scene, settings=DEFAULTS, tracks=None):
    engine, tracks = engine_named("classical"), scene.tracks if tracks is None else tracks
    geometry = engine.estimate(scene.plate, tracks, settings, _ignore)
    return solve_shot(engine, scene.plate, tracks, geometry, settings, _ignore)


def _said(solution):
    return "; ".join(solution.assumptions)


@pytest.fixture(scope="module")
def scene():
    return track_scene(travel=0, turn=0.5, movers=40)


@pytest.fixture(scope="module")
def solution(scene):
    return _solve(scene)


def test_a_camera_that_only_turns_is_recognized_and_its_turns_and_focal_length_are_the_truth(scene, solution):
    assert solution.mode is SolveMode.TRIPOD
    assert (solution.status == FrameStatus.SOLVED).all()
    assert turn_error(solution.camera_from_world, scene.camera_from_world) < SOLVED_TURN
    assert solution.intrinsics[:, 0, 0] == pytest.approx(FOCAL, rel=SOLVED_FOCAL)
    assert abs(solution.intrinsics[0, 0, 0] - FOCAL) < 4 * solution.focal_sigma_px < SOLVED_FOCAL * FOCAL
    assert solution.distortion.is_pinhole


def test_the_camera_is_in_the_origin_and_still_points_lie_on_a_sphere_of_radius_5(solution):
    assert np.array_equal(solution.camera_from_world[:, :3, 3], np.zeros_like(solution.camera_from_world[:, :3, 3]))
    assert np.allclose(solution.camera_from_world[0], np.eye(4), atol=1e-9)
    assert np.allclose(np.linalg.norm(solution.points, axis=1), 5.0)


def test_the_error_is_what_its_own_points_and_sightings_show(solution):
    point, frame = solution.observations[:, :2].astype(int).T
    in_camera = transform(solution.camera_from_world[frame], solution.points[point].astype(np.float64))
    pixels, depth = project(in_camera, solution.intrinsics[frame])
    errors = np.linalg.norm(pixels - solution.observations[:, 2:], axis=1)
    assert (depth > 0).all()
    assert np.median(errors) == pytest.approx(solution.median_px, rel=0.01)
    assert errors.mean() == pytest.approx(solution.mean_px, rel=0.01)
    assert solution.median_px < SOLVED_PX


@pytest.mark.parametrize("settings", [DEFAULTS, replace(CHOSEN, distortion=(-0.12, 0.0, 0.0))])
def test_distortion_is_found_or_obeyed(settings):
    scene = track_scene(travel=0, turn=0.5, lens=Distortion(-0.12))
    solution = _solve(scene, settings)
    assert solution.distortion.k1 == pytest.approx(-0.12, abs=SOLVED_K1)
    assert solution.intrinsics[0, 0, 0] == pytest.approx(FOCAL, rel=SOLVED_FOCAL)
    assert turn_error(solution.camera_from_world, scene.camera_from_world) < SOLVED_TURN


def test_a_known_lens_is_kept(scene):
    solution = _solve(scene, SolveSettings(lens=KnownLens(focal_mm=FOCAL / WIDTH * 36, sensor_mm=36)))
    assert solution.intrinsics[:, 0, 0] == pytest.approx(FOCAL, rel=GIVEN_LENS)
    assert turn_error(solution.camera_from_world, scene.camera_from_world) < SOLVED_TURN


def test_wide_pixels_make_fx_smaller_than_fy():
    scene = track_scene(travel=0, turn=0.5, pixel_aspect=2.0)
    assert _solve(scene).intrinsics[0] == pytest.approx(scene.intrinsics, rel=SOLVED_FOCAL, abs=1e-9)


def test_a_camera_at_rest_is_a_tripod_with_one_pose_and_an_assumed_lens_and_says_so():
    solution = _solve(track_scene(travel=0, turn=0, movers=40))
    assert solution.mode is SolveMode.TRIPOD
    assert (solution.status == FrameStatus.SOLVED).all()
    assert np.allclose(solution.camera_from_world, np.eye(4), atol=1e-12)
    assert np.isnan(solution.focal_sigma_px)
    assert "the camera rests" in _said(solution)
    assert "degrees along the long side are assumed" in _said(solution)


def test_chosen_though_the_camera_moves_it_is_done_and_the_error_is_said():
    solution = _solve(track_scene(), CHOSEN)
    assert solution.mode is SolveMode.TRIPOD
    assert not solution.camera_from_world[:, :3, 3].any()
    assert solution.median_px > 3 * SOLVED_PX
    assert "as chosen; tracks are off by" in _said(solution)


def test_a_camera_that_moves_is_not_taken_for_a_tripod():
    scene = track_scene()
    assert _solve(scene).mode is SolveMode.FREE
    unknown = Geometry(scene.camera_from_world, np.repeat(scene.intrinsics[None], 14, axis=0))
    engine = engine_named("classical")
    assert solve_shot(engine, scene.plate, scene.tracks, unknown, DEFAULTS, _ignore).mode is SolveMode.FREE


def test_what_an_engine_takes_for_a_path_does_not_hide_a_tripod(scene):
    drifting = scene.camera_from_world.copy()
    drifting[:, 0, 3] = np.linspace(0, 0.5, len(drifting))
    geometry = Geometry(drifting, np.repeat(scene.intrinsics[None], len(drifting), axis=0), notes=("a note",))
    solution = solve_shot(engine_named("classical"), scene.plate, scene.tracks, geometry, DEFAULTS, _ignore)
    assert solution.mode is SolveMode.TRIPOD
    assert turn_error(solution.camera_from_world, scene.camera_from_world) < SOLVED_TURN
    assert "a note" in solution.assumptions


def test_frames_without_tracks_are_interpolated_or_unknown_and_say_so(scene):
    rows = ~np.isin(scene.tracks.frame_indices, [0, 6, 7])
    tracks = Tracks(*(part[rows] for part in (scene.tracks.track_ids, scene.tracks.frame_indices)),
                    scene.tracks.positions[rows])  # fmt: skip
    solution = _solve(scene, tracks=tracks)
    expected = np.full(len(solution.status), FrameStatus.SOLVED)
    expected[0], expected[[6, 7]] = FrameStatus.UNKNOWN, FrameStatus.INTERPOLATED
    assert np.array_equal(solution.status, expected)
    assert np.isnan(solution.camera_from_world[0]).all()
    assert np.isnan(solution.reprojection_px[[0, 6, 7]]).all()
    assert np.isfinite(solution.camera_from_world[1:]).all()


def test_tracks_without_any_order_are_named(scene):
    places = np.random.default_rng(0).uniform([0, 0], [640, 360], scene.tracks.positions.shape)
    tracks = replace(scene.tracks, positions=places.astype(np.float32))
    with pytest.raises(Unsolvable, match="too few tracked points agree") as refused:
        _solve(scene, CHOSEN, tracks)
    assert "free" in refused.value.hint


def test_the_same_input_gives_the_same_cameras(scene, solution):
    assert np.array_equal(solution.camera_from_world, _solve(scene).camera_from_world)
