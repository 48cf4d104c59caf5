"""What the extension asks is what the server takes: `core/settings.py` against `api/schema.py`."""

import json
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as some
from pydantic import ValidationError

from model_server.api import schema
from model_server.api.address import DEFAULT_HOST, DEFAULT_PORT
from model_server.errors import BadInput
from model_server.jobs.job import JobState
from model_server.settings import MAX_DILATION_PX, FrameRange, KnownLens, MatteFolders, ModeChoice, check_layer_names
from page4d_blender.core import access, client, settings

FILES = (settings.SentFile("shot.1001.exr", "0" * 64), settings.SentFile("shot.1002.exr", "a" * 64))
numbers = some.integers(-10_000, 10_000)
millimeters = some.floats(0.1, 1000)
coefficients = some.floats(-1, 1)
asked = some.builds(
    settings.SolveSettings,
    engine=some.sampled_from(settings.Engine),
    frames=some.none()
    | some.builds(
        lambda a, b, step: settings.Frames(min(a, b), max(a, b), step), numbers, numbers, some.integers(1, 10_000)
    ),
    lens=some.none() | some.builds(settings.Lens, millimeters, millimeters),
    mode=some.sampled_from(settings.Mode),
    distortion=some.sampled_from(settings.Distortion) | some.tuples(coefficients, coefficients, coefficients),
    smoothing=some.floats(0, 1),
    mattes=some.none()
    | some.builds(settings.Mattes, invert=some.booleans(), dilate_px=some.integers(0, MAX_DILATION_PX)),
    shadows=some.booleans(),
)


def _sent(request: settings.SolveRequest) -> schema.SolveRequest:
    return schema.SolveRequest.model_validate_json(json.dumps(request.as_json()))


@given(asked)
def test_the_server_understands_every_request_of_the_extension(wanted):
    job = _sent(settings.SolveRequest("shot", FILES, wanted)).as_job()
    assert job.clip_name == "shot"
    assert [(file.name, file.sha256) for file in job.files] == [(file.name, file.sha256) for file in FILES]
    found = job.settings
    assert found.engine == wanted.engine
    assert found.mode is ModeChoice(wanted.mode)
    assert found.distortion == wanted.distortion
    assert found.smoothing == wanted.smoothing
    frames = wanted.frames or settings.Frames()
    assert found.frames == FrameRange(frames.first, frames.last, frames.step)
    assert found.lens == (KnownLens(wanted.lens.focal_mm, wanted.lens.sensor_mm) if wanted.lens else None)
    assert found.fps is None
    assert found.shadows == wanted.shadows
    mattes = wanted.mattes
    assert found.mattes == (MatteFolders(invert=mattes.invert, dilate_px=mattes.dilate_px) if mattes else None)


def test_the_artists_mattes_arrive_under_their_names(tmp_path):
    layers = (("Actor", tmp_path), ("Dog", tmp_path))
    wanted = settings.SolveSettings(mattes=settings.Mattes(tmp_path, layers))
    sent = settings.SentMattes(FILES[:1], (("Actor", FILES), ("Dog", FILES[1:])))
    job = _sent(settings.SolveRequest("shot", FILES, wanted, sent)).as_job()
    assert [file.name for file in job.mattes.exclude] == ["shot.1001.exr"]
    layers = [(name, [file.name for file in files]) for name, files in job.mattes.layers]
    assert layers == [("Actor", ["shot.1001.exr", "shot.1002.exr"]), ("Dog", ["shot.1002.exr"])]


@pytest.mark.parametrize(
    "names", [["Actor", "actor"], [""], ["a\nb"], ["x" * 64], [str(number) for number in range(65)]]
)
def test_both_refuse_the_same_names_of_layers(names):
    with pytest.raises(settings.BadSettings) as ours:
        settings.Mattes(layers=tuple((name, Path("mattes")) for name in names))
    with pytest.raises(BadInput) as servers:
        check_layer_names(names)
    assert (ours.value.message, ours.value.hint) == (servers.value.message, servers.value.hint)


def test_what_the_extension_leaves_out_is_the_servers_default():
    request = settings.SolveRequest("shot", FILES, settings.SolveSettings())
    bare = {"clip": {"name": "shot", "files": request.as_json()["clip"]["files"]}}
    assert _sent(request) == schema.SolveRequest.model_validate(bare)


def test_both_name_every_part_of_a_request():
    body = settings.SolveRequest("shot", FILES, settings.SolveSettings()).as_json()
    assert set(body) == set(schema.SolveRequest.model_fields)
    assert set(body["clip"]) == set(schema.Clip.model_fields)
    assert set(body["solve"]) == set(schema.Solve.model_fields)


def test_both_have_the_same_choices_and_states():
    assert {mode.value for mode in settings.Mode} == {mode.value for mode in ModeChoice}
    assert {state.value for state in client.JobState} == {state.value for state in JobState}
    for engine in settings.Engine:
        _sent(settings.SolveRequest("shot", FILES, settings.SolveSettings(engine=engine)))


def test_the_extension_calls_where_the_server_listens():
    assert f"http://{DEFAULT_HOST}:{DEFAULT_PORT}" == access.DEFAULT_ADDRESS


def test_names_that_the_server_refuses_are_refused_before_anything_else():
    for name in ("../shot.exr", "a/b.exr", "..", "a\0b"):
        with pytest.raises(ValidationError, match="plain file name"):
            _sent(settings.SolveRequest("shot", (replace(FILES[0], name=name),), settings.SolveSettings()))


def test_a_rate_is_two_whole_numbers():
    body = settings.SolveRequest("shot", FILES, settings.SolveSettings()).as_json()
    body["clip"]["fps"] = [24000, 1001]
    assert schema.SolveRequest.model_validate_json(json.dumps(body)).as_job().settings.fps == Fraction(24000, 1001)
