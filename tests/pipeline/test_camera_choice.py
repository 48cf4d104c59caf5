"""Cameras that leave out a large part of the picture say so; right ones say nothing of the kind."""

import numpy as np
import pytest
from track_scene import TrackScene, track_scene
from whip_pan import FRAMES, whip_pan

from model_server.engines import engine_named
from model_server.engines.classical import structure
from model_server.geometry.lens import Distortion
from model_server.geometry.pixel_map import PixelMap
from model_server.geometry.shot import Plate, Tracks
from model_server.pipeline.camera_choice import solve_shot
from model_server.settings import ModeChoice, SolveSettings

WARNING = "a large part of the picture does not fit the cameras"


def _ignore(done: float) -> None:
    assert 0 <= done <= 1


def _said(scene, settings):
    engine = engine_named("classical")
    geometry = engine.estimate(scene.plate, scene.tracks, settings, _ignore)
    return "; ".join(solve_shot(engine, scene.plate, scene.tracks, geometry, settings, _ignore).assumptions)


@pytest.mark.parametrize(
    "scene", [track_scene(movers=60), track_scene(travel=0, turn=0.5, movers=40), track_scene(lens=Distortion(-0.1))]
)
def test_nothing_is_warned_of_where_the_cameras_are_right(scene):
    assert WARNING not in _said(scene, SolveSettings())


def test_a_path_that_fits_only_what_is_far_is_warned_of(monkeypatch):
    monkeypatch.setattr(structure, "told_focal", lambda *_: None)  # which would lead to the right one
    sightings, _ = whip_pan(3)
    tracks = Tracks(sightings.tracks.astype(np.int32), sightings.frames.astype(np.int32), sightings.positions)
    plate = Plate(np.zeros((FRAMES, 1, 1, 3), np.uint8), _no_picture, 1000, 562, 1.0, PixelMap((1000.0, 562.0)))
    said = _said(TrackScene(plate, tracks, *[np.zeros(0)] * 4), SolveSettings(mode=ModeChoice.FREE))
    assert WARNING in said
    assert "% of the points that seem to stand still)" in said


def _no_picture(index):
    raise AssertionError(f"nothing should ask for the picture of frame {index}")
