"""The extension's settings and footage rules are the server's: what one sends, the other takes as meant."""

from typing import get_args

import pytest

from model_server.api.schema import SolveRequest as ServerRequest
from model_server.errors import BadFootage
from model_server.film_backs import FILM_BACKS as SERVER_BACKS
from model_server.footage.sequence import IMAGE_SUFFIXES as SERVER_SUFFIXES
from model_server.footage.sequence import sequence_around, sequence_in
from page4d_blender.core import film_backs
from page4d_blender.core import settings as ours
from page4d_blender.core.footage_files import IMAGE_SUFFIXES, NoFootage, footage_files

FILES = (ours.SentFile("shot.mov", "0" * 64),)


@pytest.mark.parametrize(
    "settings",
    [
        ours.SolveSettings(),
        ours.SolveSettings(
            ours.Engine.CLASSICAL,
            ours.Frames(1001, 1010, 2),
            ours.Lens(35.0, 36.0),
            ours.Mode.FREE,
            (0.1, -0.2, 0.0),
            0.5,
        ),
        ours.SolveSettings(frames=ours.Frames(step=3), distortion=ours.Distortion.NONE),
    ],
)
def test_the_server_takes_every_setting_as_it_was_meant(settings):
    sent = ours.SolveRequest("shot", FILES, settings).as_json()
    taken = ServerRequest.model_validate(sent)
    assert taken.model_dump(mode="json") == sent
    job = taken.as_job().settings
    assert (job.engine, job.mode, job.smoothing) == (settings.engine, settings.mode, settings.smoothing)
    assert job.distortion == settings.distortion


def test_the_request_has_every_field_of_the_schema():
    sent = ours.SolveRequest("shot", FILES, ours.SolveSettings()).as_json()
    assert set(sent) == set(ServerRequest.model_fields)


def test_engines_are_the_servers():
    assert set(ours.Engine) == set(get_args(ServerRequest.model_fields["engine"].annotation))


@pytest.mark.parametrize(
    "make",
    [
        lambda: ours.Frames(10, 5),
        lambda: ours.Frames(step=0),
        lambda: ours.Lens(0.0, 36.0),
        lambda: ours.Lens(35.0, float("nan")),
        lambda: ours.SolveSettings(smoothing=1.5),
        lambda: ours.SolveSettings(smoothing=float("nan")),
        lambda: ours.SolveSettings(distortion=(float("inf"), 0.0, 0.0)),
    ],
)
def test_settings_check_their_limits_when_made(make):
    with pytest.raises(ours.BadSettings) as raised:
        make()
    assert raised.value.hint


FOLDERS = [
    ["shot.1001.exr", "shot.1002.exr", "shot.1004.exr", "notes.txt"],
    ["take2_0999.png", "take2_1000.png", "take2_10000.png"],
    ["8.png", "9.png", "10.png", "11.png"],
    ["still.png"],
    ["a_v1_001.png", "a_v1_002.png", "a_v2_001.png", "a_v2_002.png"],
    ["0001.png", "0002.png", "00003.png", "._0001.png"],
    ["IMG_12.JPG", "IMG_13.JPG", "logo.png"],
    ["depth_0001.exr", "depth_0002.exr", "0001.png", "0002.png"],
]


@pytest.mark.parametrize("names", FOLDERS)
def test_both_sides_find_the_same_images(tmp_path, names):
    for name in names:
        (tmp_path / name).touch()
    images = [tmp_path / name for name in names if name[-4:].lower() in SERVER_SUFFIXES and not name.startswith(".")]
    for image in images:
        found, expected = footage_files(image), sequence_around(image)
        assert (found.name, found.files) == (expected.name, expected.files)
    try:
        expected = sequence_in(tmp_path).files
    except BadFootage:
        with pytest.raises(NoFootage):
            footage_files(tmp_path)
    else:
        assert footage_files(tmp_path).files == expected


def test_both_sides_know_the_same_image_formats():
    assert IMAGE_SUFFIXES == SERVER_SUFFIXES


def test_only_the_frames_asked_for_are_sent(tmp_path):
    for number in range(1001, 1011):
        (tmp_path / f"shot.{number}.exr").touch()
    sent = footage_files(tmp_path, ours.Frames(1003, 1005))
    assert [file.name for file in sent.files] == ["shot.1003.exr", "shot.1004.exr", "shot.1005.exr"]
    with pytest.raises(NoFootage):
        footage_files(tmp_path, ours.Frames(1, 5))


def test_both_sides_know_the_same_film_backs():
    assert [(back.name, back.width_mm, back.camera) for back in film_backs.FILM_BACKS] == [
        (back.name, back.width_mm, back.camera) for back in SERVER_BACKS
    ]
    assert film_backs.film_back("Super-35").width_mm == pytest.approx(24.89)
    with pytest.raises(film_backs.NoFilmBack, match="no film back 'imax'") as raised:
        film_backs.film_back("imax")
    assert "super-35" in raised.value.hint
