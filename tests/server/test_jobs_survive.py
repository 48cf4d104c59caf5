"""Jobs outlive crashes, stop when they are told to, and never show half a result."""

import time

import httpx
import numpy as np
import psutil
import pytest
from running_server import RunningServer, alive
from synthetic_footage import small_clip, write_sequence
from tolerances import RESUMED_PATH

from model_server.package.reader import read_package
from model_server.pipeline.stages import STAGES

PATIENCE_S = 300  # of a test, on a machine that does much else
_LONG_STAGES = {"tracks", "engine", "depth", "motion"}  # a fast machine may be through one of them between two looks


@pytest.fixture(scope="module")
def footage(tmp_path_factory):
    return write_sequence(tmp_path_factory.mktemp("footage") / "room", small_clip())


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory, footage):
    """The package of a job that nothing disturbed."""
    data = tmp_path_factory.mktemp("unbroken")
    with RunningServer(data) as server:
        job_id = _send(server, footage)
        job = _wait(server, job_id, lambda job: job["state"] != "running" and job["state"] != "queued")
        assert job["state"] == "done", job
    return read_package(data / "jobs" / job_id / "result.page4d")


def test_a_job_goes_on_after_the_server_was_killed_in_each_stage(tmp_path, footage, unbroken):
    cut_in, kept = [], {}
    with RunningServer(tmp_path) as server:
        job_id = _send(server, footage)
        for stage in STAGES:
            if stage in cut_in:  # the one before went by too quickly to be cut off in
                continue
            job = _wait(server, job_id, lambda job, stage=stage: _reached(job, stage))
            if job["state"] == "done":
                break
            worker = _worker(server)
            server.kill()
            cut_in.append(job["stage"])
            assert _settled(lambda worker=worker: not alive(worker)), "the worker outlived its server"
            kept = _finished_stages(tmp_path / "jobs" / job_id, kept)
            server.__enter__()
        job = _wait(server, job_id, lambda job: job["state"] not in ("queued", "running"))
        assert job["state"] == "done", job
    assert len(set(cut_in) & _LONG_STAGES) >= 3, cut_in
    _same_cameras(read_package(tmp_path / "jobs" / job_id / "result.page4d"), unbroken)


def test_a_job_goes_on_after_its_worker_was_killed_in_each_stage(tmp_path, footage, unbroken):
    cut_in, kept, fraction = [], {}, 0.0
    with RunningServer(tmp_path) as server:
        job_id = _send(server, footage)
        for stage in STAGES:
            if stage in cut_in:  # twice would fail the job
                continue
            job = _wait(server, job_id, lambda job, stage=stage: _reached(job, stage))
            worker = _worker(server) if job["state"] == "running" else None
            if worker is None:
                break
            psutil.Process(worker).kill()
            assert _settled(lambda worker=worker: not alive(worker))
            kept = _finished_stages(tmp_path / "jobs" / job_id, kept)
            later = _wait(server, job_id, lambda job, old=worker: job["state"] != "running" or _worker(server) != old)
            cut_in += [job["stage"], later["stage"]]  # it died in one of them, or between
            assert later["fraction"] >= job["fraction"] >= fraction, "progress went back"
            fraction = later["fraction"]
        job = _wait(server, job_id, lambda job: job["state"] not in ("queued", "running"))
        assert job["state"] == "done", job
    assert len(set(cut_in) & _LONG_STAGES) >= 3, cut_in
    _same_cameras(read_package(tmp_path / "jobs" / job_id / "result.page4d"), unbroken)


def test_a_worker_that_dies_twice_in_one_stage_fails_its_job_and_no_other(tmp_path, footage):
    with RunningServer(tmp_path) as server:
        job_id, next_id = _send(server, footage), _send(server, footage)
        assert server.job(next_id)["place"] == 1
        for _ in range(2):
            _wait(server, job_id, lambda job: _reached(job, "engine") and _worker(server))
            worker = _worker(server)
            psutil.Process(worker).kill()
            _settled(lambda worker=worker: not alive(worker))
        job = _wait(server, job_id, lambda job: job["state"] == "failed")
        assert job["error"]["code"] == "worker_died"
        assert "died twice in the stage" in job["error"]["message"]
        assert not (tmp_path / "jobs" / job_id / "work").exists()
        _wait(server, next_id, lambda job: job["state"] == "running")
        assert server.client.get("/v1/health").json()["state"] == "busy"
        server.client.post(f"/v1/jobs/{next_id}/cancel")


def test_cancel_ends_the_computation_itself(tmp_path, footage):
    with RunningServer(tmp_path) as server:
        job_id, queued = _send(server, footage), _send(server, footage)
        assert server.client.post(f"/v1/jobs/{queued}/cancel").json()["state"] == "canceled"
        _wait(server, job_id, lambda job: _reached(job, "engine"))
        family = psutil.Process(server.process.pid).children(recursive=True)
        assert family
        answer = server.client.post(f"/v1/jobs/{job_id}/cancel", timeout=httpx.Timeout(5))
        assert answer.json()["state"] == "canceled"
        assert not [process for process in family if alive(process.pid)]
        assert server.client.get("/v1/health").json()["state"] == "idle"
        assert not (tmp_path / "jobs" / job_id / "work").exists()
        assert server.client.post(f"/v1/jobs/{job_id}/cancel").json()["state"] == "canceled"


def test_footage_that_cannot_be_solved_fails_its_job_with_a_reason(tmp_path):
    (tmp_path / "broken.mp4").write_bytes(b"this is no movie at all")
    with RunningServer(tmp_path / "data") as server:
        job_id = _send(server, [tmp_path / "broken.mp4"])
        job = _wait(server, job_id, lambda job: job["state"] == "failed")
    assert job["error"]["code"] == "bad_footage"
    assert "broken.mp4" in job["error"]["message"]
    assert "Traceback" not in job["error"]["message"]
    assert job["error"]["hint"]


def _send(server, footage):
    return server.send_job([server.send_file(file) for file in footage])


def _wait(server, job_id, ready):
    """The job as soon as `ready` says so; half a package must not be visible meanwhile."""
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        job = server.job(job_id)
        if job["state"] != "done":
            manifest = server.client.get(f"/v1/jobs/{job_id}/package/manifest.json")
            assert manifest.status_code in (409, 200)
        if ready(job):
            return job
        time.sleep(0.02)
    raise AssertionError(f"still {job} after {PATIENCE_S} s")


def _settled(condition):
    deadline = time.monotonic() + 20
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.05)
    return condition()


def _reached(job, stage):
    if job["state"] in ("done", "failed", "canceled"):
        return True
    return job["stage"] is not None and STAGES.index(job["stage"]) >= STAGES.index(stage)


def _worker(server):
    """Process id of the server's worker, if it has one."""
    children = psutil.Process(server.process.pid).children()
    return children[0].pid if children else None


def _finished_stages(job_folder, kept):
    """When each finished stage was finished; none of those in `kept` was done again, and no half package is there."""
    if (job_folder / "result.page4d").exists():
        read_package(job_folder / "result.page4d").verify()
        return {}  # the workspace may be gone in part
    finished = {path.parent.name: path.stat().st_mtime_ns for path in job_folder.glob("work/*/done.json")}
    assert kept.items() <= finished.items()
    return finished


def _same_cameras(package, unbroken):
    """As good as equal; and equal to the bit before a solver's threads add numbers in an order of their own."""
    for path in ("cameras/frame_numbers.npy", "cameras/status.npy"):
        assert np.array_equal(package.array(path), unbroken.array(path))
    one, other = (found.array("cameras/camera_from_world.npy") for found in (package, unbroken))
    extent = np.ptp(np.linalg.inv(other)[:, :3, 3], axis=0).max()
    centers = np.linalg.inv(one)[:, :3, 3] - np.linalg.inv(other)[:, :3, 3]
    assert np.abs(centers).max() <= RESUMED_PATH * extent
