"""One solve as a job: against a real server for what only that can do, against a stand-in for the rest."""

import time

import pytest
from example_package import write_example
from page4d_server import free_port
from running_server import RunningServer
from stand_in_server import TOKEN, StandInServer
from synthetic_footage import small_clip, write_sequence

from page4d_blender.core import job as module
from page4d_blender.core.access import parse_address
from page4d_blender.core.client import connect
from page4d_blender.core.job import Canceled, Done, Failed, Queued, Running, SolveJob, Uploading, Waiting
from page4d_blender.core.package import open_package
from page4d_blender.core.settings import Frames, Mattes, SolveSettings
from page4d_blender.core.status import Phase, Status, duration, status_after

SETTINGS = SolveSettings()


@pytest.fixture
def package(tmp_path):
    write_example(tmp_path / "made.page4d")
    return tmp_path / "made.page4d"


@pytest.fixture
def movie(tmp_path):
    file = tmp_path / "shot.mov"
    file.write_bytes(bytes(1000))
    return file


def job_at(server, footage, results, settings=SETTINGS, token=TOKEN) -> SolveJob:
    return SolveJob(lambda: connect(parse_address(server.address), token), footage, settings, results)


def test_a_job_tells_its_way_and_ends_with_a_package(package, movie, tmp_path):
    said = []
    with StandInServer(package) as server:
        running = server.status("running", stage="tracks", fraction=0.2, seconds_left=9.0)
        server.states = [server.status("queued", place=2), running]
        end = job_at(server, movie, tmp_path / "results").run(said.append)
        assert end == Done(tmp_path / "results/shot.page4d")
        assert [method for method, _, _ in server.asked][-1] == "DELETE"
    assert open_package(end.folder).manifest.clip.frames == 4
    assert not list((tmp_path / "results").glob(".*"))
    kinds = [type(message) for message in said]
    assert kinds.index(Uploading) < kinds.index(Queued) < kinds.index(Running) < kinds.index(Done)


def test_mattes_are_sent_with_the_footage(package, movie, tmp_path):
    for folder in ("actor", "sign"):
        (tmp_path / folder).mkdir()
        for number in (1, 2, 3):
            (tmp_path / folder / f"matte.{number:04}.png").write_bytes(f"{folder} {number}".encode())
    mattes = Mattes(tmp_path / "sign", (("Actor", tmp_path / "actor/matte.0002.png"),), invert=True, dilate_px=4)
    with StandInServer(package) as server:
        end = job_at(server, movie, tmp_path / "results", SolveSettings(frames=Frames(2, 3), mattes=mattes)).run()
        assert isinstance(end, Done), end
        (request,) = server.jobs.values()
        sent = request["mattes"]
        assert (sent["invert"], sent["dilate_px"]) == (True, 4)
        assert [server.files[file["sha256"]] for file in sent["exclude"]] == [b"sign 2", b"sign 3"]
        (actor,) = sent["layers"]
        assert actor["name"] == "Actor"
        assert [server.files[file["sha256"]] for file in actor["files"]] == [b"actor 2", b"actor 3"]


def test_mattes_that_are_not_there_are_named(movie, tmp_path):
    with StandInServer() as server:
        for missing in (tmp_path / "none", movie):
            end = job_at(server, movie, tmp_path, SolveSettings(mattes=Mattes(layers=(("Actor", missing),)))).run()
            assert isinstance(end, Failed)
            assert "'Actor'" in end.message
            assert end.hint
        assert server.files == {}


def test_a_second_solve_leaves_the_first_result_alone(package, movie, tmp_path):
    with StandInServer(package) as server:
        first, second = (job_at(server, movie, tmp_path).run() for _ in range(2))
    assert (first.folder.name, second.folder.name) == ("shot.page4d", "shot_2.page4d")


def test_the_error_of_a_job_arrives_in_the_servers_words(package, movie, tmp_path):
    with StandInServer(package) as server:
        error = {"code": "bad_footage", "message": "'shot.mov' is cut off", "hint": "copy it again"}
        server.states = [server.status("failed", error=error)]
        assert job_at(server, movie, tmp_path).run() == Failed("'shot.mov' is cut off", "copy it again")
        server.states = [server.status("failed", error=error | {"code": "worker_died"})]
        assert job_at(server, movie, tmp_path).run().is_our_fault


def test_nobody_there_missing_footage_and_a_wrong_token_are_told_at_once(movie, tmp_path):
    def nobody():
        return connect(parse_address("http://127.0.0.1:9"))

    assert "no server answers" in SolveJob(nobody, movie, SETTINGS, tmp_path).run().message
    with StandInServer() as server:
        assert "token" in job_at(server, movie, tmp_path, token="wrong").run().message
        assert "no footage" in job_at(server, tmp_path / "none.mov", tmp_path).run().message
        assert server.files == {}


def test_a_result_that_has_no_place_says_so(package, movie, tmp_path):
    (tmp_path / "results").write_text("a file where the folder should be")
    with StandInServer(package) as server:
        end = job_at(server, movie, tmp_path / "results").run()
    assert "can't be written" in end.message


def test_cancel_before_anything_was_sent(movie, tmp_path):
    with StandInServer() as server:
        job = job_at(server, movie, tmp_path)
        job.cancel()
        assert job.run() == Canceled()


def test_a_server_that_stays_away_is_given_up(package, movie, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "_PATIENCE_S", 0.5)
    said = []
    with StandInServer(package) as server:
        server.states = [server.status("running", stage="tracks", fraction=0.1)] * 1000
        job = job_at(server, movie, tmp_path)
        job.start()
        while not isinstance(job.next_message(0.5), Running):
            pass
    while not job.finished:
        said.append(job.next_message(0.5))
    assert any(isinstance(message, Waiting) for message in said)
    assert "no server answers" in said[-1].message


def test_cancel_stops_the_servers_computation(tmp_path):
    footage = _footage(tmp_path)
    with RunningServer(tmp_path / "server") as server:
        job = job_at(server, footage, tmp_path, token=server.token)
        _run_until_stage(job)
        job.cancel()
        assert _end(job) == Canceled()
        assert server.client.get("/v1/health").json()["state"] == "idle"


def test_a_job_outlives_a_crash_of_the_server(tmp_path):
    footage, port = _footage(tmp_path), str(free_port())
    with RunningServer(tmp_path / "server", "--port", port) as server:
        job = job_at(server, footage, tmp_path, token=server.token)
        _run_until_stage(job)
        server.kill()
    while not isinstance(job.next_message(5), Waiting):
        assert not job.finished
    with RunningServer(tmp_path / "server", "--port", port):
        while not isinstance(message := job.next_message(5), Running):
            assert not job.finished, message
        job.cancel()
        assert _end(job) == Canceled()


def test_the_status_keeps_an_error_and_its_hint():
    status = status_after(Status(), Failed("no server answers", "start one"))
    assert (status.phase, status.line, status.hint) == (Phase.FAILED, "No server answers", "Start one")


@pytest.mark.parametrize(("seconds", "text"), [(0.4, "0 s"), (99, "99 s"), (150, "2 min"), (4800, "1 h 20 min")])
def test_durations_read_well(seconds, text):
    assert duration(seconds) == text


def _footage(tmp_path):
    write_sequence(tmp_path / "room", small_clip())
    return tmp_path / "room"


def _run_until_stage(job: SolveJob) -> None:
    job.start()
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        message = job.next_message(1)
        assert not isinstance(message, Failed), message
        if isinstance(message, Running) and message.stage != "footage":
            return
    raise AssertionError("the job did not begin")


def _end(job: SolveJob):
    message = None
    while not job.finished:
        message = job.next_message(1) or message
    return message
