"""Mattes that a client sends: checked with the request, laid out under their own names, solved with, forgotten."""

import dataclasses
import time
import uuid

import cv2
import numpy as np
import pytest
from pydantic import ValidationError
from running_server import RunningServer
from synthetic_footage import FIRST_FRAME, small_clip, write_sequence

from model_server.api.schema import SolveRequest
from model_server.errors import BadInput, ServerError
from model_server.jobs.folders import DataFolder
from model_server.jobs.job import FootageFile, JobRequest, MatteFiles
from model_server.jobs.store import JobStore
from model_server.package.reader import read_package
from model_server.settings import MatteFolders, SolveSettings

PATIENCE_S = 300
CLIP, EXCLUDE, ACTOR = "a" * 64, "b" * 64, "c" * 64
BODY = {
    "clip": {"name": "shot", "files": [{"name": "shot.mov", "sha256": CLIP}]},
    "mattes": {
        "exclude": [{"name": "out.0001.png", "sha256": EXCLUDE}],
        "layers": [{"name": "Actor", "files": [{"name": "roto.0001.png", "sha256": ACTOR}]}],
        "invert": True,
        "dilate_px": 3,
    },
}


def _change(**mattes):
    return BODY | {"mattes": BODY["mattes"] | mattes}


def test_the_request_is_taken_as_it_was_meant():
    job = SolveRequest.model_validate(BODY).as_job()
    assert job.mattes.exclude == (FootageFile("out.0001.png", EXCLUDE),)
    assert job.mattes.layers == (("Actor", (FootageFile("roto.0001.png", ACTOR),)),)
    assert (job.settings.mattes.invert, job.settings.mattes.dilate_px) == (True, 3)
    assert {file.sha256 for file in job.all_files} == {CLIP, EXCLUDE, ACTOR}


@pytest.mark.parametrize(
    "change",
    [
        {"dilate_px": -1},
        {"dilate_px": 1001},
        {"exclude": [{"name": "../x.png", "sha256": CLIP}]},
        {"exclude": [{"name": "a.png", "sha256": CLIP}, {"name": "A.png", "sha256": CLIP}]},
        {"layers": [{"name": "Actor", "files": []}]},
        {"layers": [{"name": "Actor", "files": BODY["mattes"]["exclude"]}] * 65},
    ],
)
def test_mattes_that_break_the_schema_are_refused(change):
    with pytest.raises(ValidationError):
        SolveRequest.model_validate(_change(**change))


@pytest.mark.parametrize("names", [("Actor", "actor"), ("a\x00b",), ("\u00e9" * 40,)])
def test_names_that_no_layer_can_have_are_bad_input(names):
    layers = [{"name": name, "files": BODY["mattes"]["exclude"]} for name in names]
    with pytest.raises(BadInput):
        SolveRequest.model_validate(_change(layers=layers)).as_job()


def test_a_job_keeps_its_mattes_and_forgets_them_with_it(tmp_path):
    request, job_id = SolveRequest.model_validate(BODY).as_job(), str(uuid.uuid4())
    store = JobStore(tmp_path / "jobs.sqlite")
    store.add(job_id, request)
    assert store.request(job_id) == request
    assert store.needed_files() == {CLIP, EXCLUDE, ACTOR}
    assert set(store.remove(job_id)) == {CLIP, EXCLUDE, ACTOR}
    store.close()


def test_mattes_get_their_names_and_folders_back(tmp_path):
    folder, stored = DataFolder(tmp_path).job(str(uuid.uuid4())), tmp_path / "files"
    stored.mkdir()
    for sha256 in (EXCLUDE, ACTOR):
        (stored / sha256).write_text(sha256)
    settings = folder.with_mattes(SolveRequest.model_validate(BODY).as_job(), stored)
    assert settings.mattes.exclude.parent.is_relative_to(folder.root)
    assert (settings.mattes.exclude / "out.0001.png").read_text() == EXCLUDE
    ((name, actor),) = settings.mattes.layers
    assert name == "Actor"
    assert (actor / "roto.0001.png").read_text() == ACTOR
    assert settings.mattes.invert
    (stored / ACTOR).unlink()
    with pytest.raises(ServerError, match=r"roto\.0001\.png is gone"):
        folder.with_mattes(SolveRequest.model_validate(BODY).as_job(), stored)


def test_a_request_without_mattes_keeps_its_settings(tmp_path):
    request = JobRequest("shot", (FootageFile("shot.mov", CLIP),), SolveSettings(), MatteFiles())
    assert DataFolder(tmp_path).job(str(uuid.uuid4())).with_mattes(request, tmp_path) == SolveSettings()
    empty = dataclasses.replace(request, settings=SolveSettings(mattes=MatteFolders()))
    assert DataFolder(tmp_path).job(str(uuid.uuid4())).with_mattes(empty, tmp_path) == empty.settings


def test_a_job_is_solved_with_the_mattes_it_was_sent(tmp_path):
    clip = small_clip()
    frames = write_sequence(tmp_path / "room", clip)[:5]
    mattes = tmp_path / "roto"
    mattes.mkdir()
    files = [mattes / f"box.{FIRST_FRAME + index}.png" for index in range(len(frames))]
    for file, mask in zip(files, clip.moving):
        cv2.imwrite(str(file), mask.astype(np.uint8) * 255)
    with RunningServer(tmp_path / "data") as server:
        sent = [server.send_file(file) for file in files]
        job_id = server.send_job(
            [server.send_file(file) for file in frames], mattes={"layers": [{"name": "Box", "files": sent}]}
        )
        job = _ended(server, job_id)
    assert job["state"] == "done", job
    package = read_package(tmp_path / "data/jobs" / job_id / "result.page4d")
    assert [layer.name for layer in package.manifest.layers[:2]] == ["Background", "Box"]
    for index, mask in enumerate(clip.moving[:5]):
        matte = cv2.imread(str(package.folder / f"mattes/layer_01/{FIRST_FRAME + index}.png"), cv2.IMREAD_UNCHANGED)
        assert np.array_equal(matte > 0, mask)
    assert not (tmp_path / "data/jobs" / job_id / "mattes").exists()


def _ended(server, job_id):
    deadline = time.monotonic() + PATIENCE_S
    while (job := server.job(job_id))["state"] in ("queued", "running"):
        assert time.monotonic() < deadline, job
        time.sleep(0.1)
    return job
