"""The classical engine finds cameras, tells movers from the rest, and says why when it can't."""

import numpy as np
import pytest
from track_scene import FOCAL, HEIGHT, WIDTH, track_scene

from model_server.engines import engine_named
from model_server.engines.classical.epipolar import static_tracks
from model_server.errors import BadInput, Unsolvable
from model_server.geometry.shot import SolveMode
from model_server.settings import ModeChoice, SolveSettings

DEFAULTS = SolveSettings()


def _ignore(done: float) -> None:
    assert 0 <= done <= 1


def _estimate(scene, settings=DEFAULTS):
    return engine_named("auto").estimate(scene.plate, scene.tracks, settings, _ignore)


def test_tracks_of_a_mover_are_rejected_and_the_rest_kept():
    scene = track_scene(movers=60)
    tracks = scene.tracks
    positions = tracks.positions.astype(np.float64) * 1000 / WIDTH
    static = static_tracks(positions, tracks.frame_indices, tracks.track_ids, _ignore)
    assert (~static[scene.moving]).mean() > 0.8
    assert static[~scene.moving].mean() > 0.95


def test_the_focal_length_is_found_without_a_hint():
    geometry = _estimate(track_scene())
    assert np.isfinite(geometry.camera_from_world).all((1, 2)).sum() >= 3
    assert geometry.intrinsics[0, 0, 0] == pytest.approx(FOCAL, rel=0.03)
    assert geometry.intrinsics[0, :2, 2] == pytest.approx([WIDTH / 2, HEIGHT / 2])


@pytest.mark.parametrize("turn", [0, 0.5])
def test_a_camera_that_stays_in_one_place_is_recognized(turn):
    geometry = _estimate(track_scene(travel=0, turn=turn))
    assert geometry.mode is SolveMode.TRIPOD
    assert geometry.camera_from_world is None


def test_a_camera_at_rest_has_no_path_even_where_one_is_asked_for():
    with pytest.raises(Unsolvable, match="does not move") as refused:
        _estimate(track_scene(travel=0, turn=0), SolveSettings(mode=ModeChoice.FREE))
    assert "tripod" in refused.value.hint


def test_an_unknown_engine_is_refused_with_the_names_there_are():
    with pytest.raises(BadInput, match="magic") as refused:
        engine_named("magic")
    assert "classical" in refused.value.hint
