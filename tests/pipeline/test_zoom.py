"""A zoom is found by itself, solved to the truth, and never left out in silence."""

import re
from dataclasses import replace

import numpy as np
import pytest
from camera_errors import path_error
from tolerances import SOLVED_FOCAL, ZOOM_FOCAL, ZOOM_PATH
from track_scene import FOCAL, WIDTH, track_scene, zooming

from model_server.engines import engine_named
from model_server.errors import BadInput
from model_server.geometry.lens import Distortion
from model_server.geometry.shot import FrameStatus, SolveMode, Tracks
from model_server.pipeline import zoom
from model_server.pipeline.support import check_support
from model_server.pipeline.zoom import solve_moving
from model_server.settings import KnownLens, ModeChoice, SolveSettings

AUTO, FREE, ZOOM = (SolveSettings(mode=mode) for mode in (ModeChoice.AUTO, ModeChoice.FREE, ModeChoice.ZOOM))


def _ignore(done: float) -> None:
    assert 0 <= done <= 1


def _solve(scene, settings=AUTO, tracks=None, geometry=None):
    engine, tracks = engine_named("classical"), tracks or scene.tracks
    geometry = geometry or engine.estimate(scene.plate, tracks, settings, _ignore)
    return solve_moving(engine, scene.plate, tracks, geometry, settings, _ignore)


def _is_true(scene, solution):
    assert (solution.status == FrameStatus.SOLVED).all()
    assert path_error(solution.camera_from_world, scene.camera_from_world) < ZOOM_PATH
    assert solution.intrinsics[:, 1, 1] == pytest.approx(scene.focals, rel=ZOOM_FOCAL)


@pytest.fixture(scope="module")
def zooming_in():
    return track_scene(zoom=zooming(1.5), forward=0.5, movers=40)


@pytest.fixture(scope="module")
def asked_for(zooming_in):
    return _solve(zooming_in, ZOOM)


@pytest.fixture(scope="module")
def with_one(zooming_in):
    """The engine's geometry with one focal length for the whole shot."""
    return engine_named("classical").estimate(zooming_in.plate, zooming_in.tracks, FREE, _ignore)


def test_a_zoom_is_found_by_itself(zooming_in, with_one):
    solution = _solve(zooming_in, AUTO, geometry=with_one)
    assert solution.mode is SolveMode.ZOOM
    _is_true(zooming_in, solution)


@pytest.mark.slow
@pytest.mark.parametrize("ratio", [1.05, 0.7])
def test_zooms_small_and_out_are_found_by_themselves(ratio):
    scene = track_scene(zoom=zooming(ratio), forward=1.0, movers=40)
    solution = _solve(scene)
    assert solution.mode is SolveMode.ZOOM
    _is_true(scene, solution)


def test_a_zoom_that_is_asked_for_is_solved(zooming_in, asked_for):
    solution = asked_for
    assert solution.mode is SolveMode.ZOOM
    _is_true(zooming_in, solution)
    (said,) = [said for said in solution.assumptions if "focal length" in said]
    first, last = re.findall(r"\d+\.\d", said)
    assert float(first) == pytest.approx(FOCAL / WIDTH * 36, rel=ZOOM_FOCAL)
    assert float(last) == pytest.approx(1.5 * FOCAL / WIDTH * 36, rel=ZOOM_FOCAL)


def test_one_focal_length_on_a_zoom_is_said(zooming_in, with_one):
    solution = _solve(zooming_in, FREE, geometry=with_one)
    assert solution.mode is SolveMode.FREE
    assert [said for said in solution.assumptions if "seems to change" in said]


def test_a_zoom_that_can_not_be_held_is_said(zooming_in, with_one, monkeypatch):
    monkeypatch.setattr(zoom, "_zoom", lambda *_: None)
    solution = _solve(zooming_in, AUTO, geometry=with_one)
    assert solution.mode is SolveMode.FREE
    assert [said for said in solution.assumptions if "seems to change" in said]


@pytest.mark.parametrize(
    "still",
    [{"forward": 1.5}, {"lens": Distortion(-0.15, 0.06), "movers": 40}, {"noise_px": 0.5}],
    ids=["forward", "k2", "noise"],
)
def test_a_still_focal_length_is_not_taken_for_a_zoom(still):
    solution = _solve(track_scene(**still))
    assert solution.mode is SolveMode.FREE
    assert not [said for said in solution.assumptions if "change" in said]
    assert np.ptp(solution.intrinsics[:, 0, 0]) == 0


def test_a_zoom_on_wide_pixels_keeps_their_aspect():
    scene = track_scene(zoom=zooming(1.3), pixel_aspect=2.0)
    solution = _solve(scene, ZOOM)
    _is_true(scene, solution)
    assert solution.intrinsics[:, 1, 1] == pytest.approx(2 * solution.intrinsics[:, 0, 0])


def test_frames_without_tracks_get_focal_lengths_of_their_neighbors(zooming_in):
    rows = ~np.isin(zooming_in.tracks.frame_indices, [6, 7, 12, 13])
    ids, frames, positions = (part[rows] for part in vars(zooming_in.tracks).values())
    _, ids = np.unique(ids, return_inverse=True)
    solution = _solve(zooming_in, ZOOM, Tracks(ids.astype(np.int32), frames, positions))
    assert np.array_equal(np.nonzero(solution.status)[0], [6, 7, 12, 13])
    focals = solution.intrinsics[:, 1, 1]
    assert focals[:12] == pytest.approx(zooming_in.focals[:12], rel=2 * ZOOM_FOCAL)
    assert (focals[12:] == focals[11]).all()


def test_the_focal_lengths_are_within_what_their_uncertainty_says(zooming_in, asked_for):
    off = np.abs(asked_for.intrinsics[:, 1, 1] - zooming_in.focals)
    assert 0 < asked_for.focal_sigma_px < SOLVED_FOCAL * FOCAL
    assert (off < 4 * asked_for.focal_sigma_px).all()


def test_a_zoom_with_one_known_focal_length_is_refused():
    lens = KnownLens(focal_mm=FOCAL / WIDTH * 36, sensor_mm=36)
    with pytest.raises(BadInput, match="can't zoom"):
        check_support(replace(ZOOM, lens=lens))
