"""What is said of the lens on the command line ends in the settings as it was meant."""

import numpy as np
import pytest
from tolerances import GIVEN_LENS
from track_scene import FOCAL, WIDTH, track_scene

from model_server.engines import engine_named
from model_server.errors import BadInput
from model_server.film_backs import FILM_BACKS, film_back
from model_server.pipeline.solve import solve_cameras
from model_server.settings import KnownLens, SolveSettings
from model_server.solve_options import distortion_of, known_lens


def test_a_film_back_is_the_width_of_its_camera():
    assert known_lens(35.0, None, "super-35") == KnownLens(35.0, 24.89)
    assert known_lens(35.0, None, "Super-35") == known_lens(35.0, 24.89, None)
    assert known_lens(None, None, None) is None


def test_film_backs_have_names_of_their_own_a_possible_width_and_a_source():
    assert len({back.name for back in FILM_BACKS}) == len(FILM_BACKS)
    for back in FILM_BACKS:
        assert 4 < back.width_mm < 75  # the smallest and the largest that movies are shot on
        assert back.source
        assert film_back(back.name) is back


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("solve", "solve"),
        ("none", "none"),
        ("-0.1", (-0.1, 0.0, 0.0)),
        ("-0.1,0.02", (-0.1, 0.02, 0.0)),
        ("-0.1, 0.02, 1e-3", (-0.1, 0.02, 0.001)),
    ],
)
def test_distortion_is_solved_or_none_or_given(text, meant):
    assert distortion_of(text) == meant


@pytest.mark.parametrize("text", ["", ",", "a,b", "0,0,0,0"])
def test_what_is_no_distortion_is_refused(text):
    with pytest.raises(BadInput):
        distortion_of(text)


def test_a_film_back_locks_the_lens_in_the_solve():
    scene = track_scene(frames=8)
    back = film_back("alexa-mini-16x9")
    settings = SolveSettings(lens=known_lens(FOCAL / WIDTH * back.width_mm, None, back.name), distortion="none")
    geometry = engine_named("classical").estimate(scene.plate, scene.tracks, settings, lambda _: None)
    solution = solve_cameras(scene.plate, scene.tracks, geometry, settings, lambda _: None)
    assert solution.intrinsics[:, 0, 0] == pytest.approx(np.full(8, FOCAL), rel=GIVEN_LENS)
    assert solution.distortion.is_pinhole
