"""The solve starts from a network's cameras, and does not believe them."""

from dataclasses import replace

import numpy as np
import pytest
from camera_errors import path_error
from oracle_network import FACTS, NETWORK_GRADE, Errors, Oracle, Truth
from tolerances import (
    NETWORK_FROM_CLASSICAL,
    NETWORK_SAME_FOCAL,
    NETWORK_SAME_PATH,
    SOLVED_FOCAL,
    SOLVED_PATH,
)
from track_scene import FOCAL, HEIGHT, WIDTH, track_scene

from model_server.engines.classical.engine import ClassicalEngine
from model_server.engines.page4d.engine import Page4DEngine
from model_server.engines.page4d.footage_geometry import footage_geometry
from model_server.engines.page4d.still_tracks import still_tracks
from model_server.engines.page4d.window import Window
from model_server.errors import Unsolvable
from model_server.geometry.pixel_map import PixelMap
from model_server.geometry.shot import FrameStatus, Geometry
from model_server.pipeline.first_cameras import solve_first_cameras
from model_server.settings import SolveSettings

FIELDS = (2 * np.arctan(WIDTH / 2 / FOCAL), 2 * np.arctan(HEIGHT / 2 / FOCAL))
GARBAGE = Errors(turn_degrees=120, place=3.0, focal=0.5, focal_bias=1.0)
COLUMNS, ROWS = 518, 294  # of the network's image


def _ignore(done):
    assert 0 <= done <= 1


@pytest.fixture(scope="module")
def scene():
    return track_scene(movers=40)


@pytest.fixture(scope="module")
def from_tracks(scene):
    """The solve as it is without a network."""
    engine = ClassicalEngine()
    geometry = engine.estimate(scene.plate, scene.tracks, SolveSettings(), _ignore)
    return solve_first_cameras(engine, scene.plate, scene.tracks, geometry, SolveSettings(), _ignore)


def _seen(scene, errors):
    """What a network with these errors says of the scene's cameras."""
    count = len(scene.camera_from_world)
    nothing = np.broadcast_to(np.float32(0), (count, ROWS, COLUMNS))
    truth = Truth(scene.camera_from_world, FIELDS, nothing, nothing)
    found = Oracle(truth, errors, (count, ROWS, COLUMNS, 3))(Window(0, count, 0))
    pixels = PixelMap((WIDTH / COLUMNS, HEIGHT / ROWS))
    geometry = footage_geometry(Geometry(found.camera_from_world, found.intrinsics, notes=("a note",)), pixels)
    return replace(geometry, static_tracks=still_tracks(scene.plate, scene.tracks, None, _ignore))


def _solve(scene, geometry, tracks=None):
    engine = Page4DEngine(FACTS, lambda images: pytest.fail("the network is not asked again"))
    return solve_first_cameras(engine, scene.plate, tracks or scene.tracks, geometry, SolveSettings(), _ignore)


def _errors(scene, solution):
    assert (solution.status == FrameStatus.SOLVED).all()
    return path_error(solution.camera_from_world, scene.camera_from_world), abs(
        solution.intrinsics[0, 0, 0] / FOCAL - 1
    )


@pytest.mark.parametrize("bias", [-0.05, 0.0, 0.05])
def test_network_grade_cameras_lead_to_where_tracks_alone_lead(scene, from_tracks, bias):
    errors = Errors(turn_degrees=1.0, place=0.02, focal=0.05, focal_bias=bias)
    solution = _solve(scene, _seen(scene, errors))
    found, reference = _errors(scene, solution), _errors(scene, from_tracks)
    assert found[0] <= NETWORK_FROM_CLASSICAL * reference[0] + NETWORK_SAME_PATH
    assert found[1] <= NETWORK_FROM_CLASSICAL * reference[1] + NETWORK_SAME_FOCAL
    assert not [said for said in solution.assumptions if "tracks" in said]


def test_cameras_that_are_far_off_are_still_brought_home(scene):
    path, focal = _errors(scene, _solve(scene, _seen(scene, Errors(turn_degrees=5, place=0.1, focal_bias=0.3))))
    assert path <= SOLVED_PATH
    assert focal <= SOLVED_FOCAL


@pytest.mark.parametrize("kind", ["random", "nowhere", "all in one place"])
def test_cameras_without_sense_give_way_to_those_of_the_tracks_and_this_is_said(scene, kind):
    geometry = _seen(scene, GARBAGE)
    if kind == "nowhere":
        geometry.camera_from_world[:] = np.nan
    elif kind == "all in one place":
        geometry.camera_from_world[:] = np.eye(4)
    solution = _solve(scene, geometry)
    path, focal = _errors(scene, solution)
    assert path <= SOLVED_PATH
    assert focal <= SOLVED_FOCAL
    (said,) = [said for said in solution.assumptions if "cameras come from the tracks alone" in said]
    assert "% of the sightings" in said


def test_what_the_engine_has_to_say_reaches_the_user(scene):
    assert "a note" in _solve(scene, _seen(scene, NETWORK_GRADE)).assumptions


def test_where_neither_leads_to_cameras_it_is_unsolvable():
    still = track_scene(travel=0, turn=0)
    with pytest.raises(Unsolvable, match="does not move"):
        _solve(still, _seen(still, Errors()))
