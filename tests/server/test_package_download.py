"""Fetching a result: ranges, ETag, and no way out of the package's folder."""

import hashlib
import uuid

import numpy as np
import pytest
from example_package import write_example
from running_server import RunningServer

from model_server.jobs.folders import DataFolder
from model_server.jobs.job import FootageFile, JobRequest, JobState
from model_server.jobs.store import JobStore
from model_server.settings import SolveSettings

CONTENT = b"the footage"
SHA = hashlib.sha256(CONTENT).hexdigest()


def _finished_jobs(folder, count):
    """Jobs that are done, as a server left them, all of the same footage."""
    folder.root.mkdir(exist_ok=True)
    store, ids = JobStore(folder.database), [str(uuid.uuid4()) for _ in range(count)]
    for job_id in ids:
        store.add(job_id, JobRequest("shot", (FootageFile("shot.mov", SHA),), SolveSettings()))
        store.end(job_id, JobState.DONE)
        write_example(folder.job(job_id).package)
    store.close()
    folder.files.mkdir(exist_ok=True)
    (folder.files / SHA).write_bytes(CONTENT)
    return ids


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return DataFolder(tmp_path_factory.mktemp("data"))


@pytest.fixture(scope="module")
def finished(data):
    return _finished_jobs(data, 1)[0]


@pytest.fixture(scope="module")
def server(data, finished):
    with RunningServer(data.root) as running:
        yield running


def test_every_file_of_the_manifest_comes_whole(server, finished, tmp_path):
    manifest = server.client.get(f"/v1/jobs/{finished}/package/manifest.json").json()
    assert len(manifest["files"]) == 14
    for path, facts in manifest["files"].items():
        answer = server.client.get(f"/v1/jobs/{finished}/package/{path}")
        assert answer.status_code == 200
        assert hashlib.sha256(answer.content).hexdigest() == facts["sha256"]
    (tmp_path / "last.npy").write_bytes(answer.content)
    np.load(tmp_path / "last.npy", allow_pickle=False)


def test_a_range_is_that_part(server, finished):
    url = f"/v1/jobs/{finished}/package/depth.npy"
    whole = server.client.get(url).content
    part = server.client.get(url, headers={"Range": "bytes=100-199"})
    assert part.status_code == 206
    assert part.headers["Content-Range"] == f"bytes 100-199/{len(whole)}"
    assert part.content == whole[100:200]
    assert server.client.get(url, headers={"Range": f"bytes={len(whole) - 7}-"}).content == whole[-7:]
    for beyond in (f"bytes={len(whole)}-", "bytes=9-5", "bytes=a-b", "bytes=0-1,5-6", "lines=1-2", "bytes=-0"):
        answer = server.client.get(url, headers={"Range": beyond})
        assert answer.status_code == 416, beyond
        assert answer.json()["error"]["code"] == "bad_range"


def test_what_is_known_by_its_etag_is_not_sent_again(server, finished):
    url = f"/v1/jobs/{finished}/package/depth.npy"
    first = server.client.get(url)
    assert first.headers["ETag"] == f'"{hashlib.sha256(first.content).hexdigest()}"'
    again = server.client.get(url, headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.content) == (304, b"")
    changed = server.client.get(url, headers={"Range": "bytes=5-9", "If-Range": '"another"'})
    assert (changed.status_code, changed.content) == (200, first.content)


@pytest.mark.parametrize(
    "path",
    [
        "../worker.log",
        "%2e%2e/%2e%2e/%2e%2e/token",
        "..%2f..%2f..%2ftoken",
        "cameras/../../../../token",
        "%2fetc%2fpasswd",
        "//etc/passwd",
        "..\\..\\..\\token",
        "manifest.json%00",
        "cameras",
        "",
        "left_over.txt",
    ],
)
def test_nothing_but_the_packages_files_can_be_named(server, finished, data, path):
    (data.job(finished).package / "left_over.txt").write_text("not listed in the manifest")
    answer = server.client.get(f"{server.address}/v1/jobs/{finished}/package/{path}")
    assert answer.status_code == 404
    assert server.token not in answer.text
    assert answer.json()["error"]["code"] in ("no_such_file", "not_found", "no_such_job")


def test_a_job_that_is_not_done_has_no_package(server, data):
    job_id = str(uuid.uuid4())
    answer = server.client.get(f"/v1/jobs/{job_id}/package/manifest.json")
    assert answer.json()["error"]["code"] == "no_such_job"


def test_events_tell_the_end_and_stop(server, finished):
    with server.client.stream("GET", f"/v1/jobs/{finished}/events") as answer:
        assert answer.headers["Content-Type"].startswith("text/event-stream")
        text = answer.read().decode()
    assert text.startswith("event: job\ndata: {")
    assert '"state":"done"' in text


def test_deleting_forgets_the_job_and_the_files_no_other_job_needs(tmp_path):
    data = DataFolder(tmp_path / "data")
    first, second = _finished_jobs(data, 2)
    with RunningServer(data.root) as server:
        assert server.client.delete(f"/v1/jobs/{first}").status_code == 204
        assert server.client.get(f"/v1/jobs/{first}").status_code == 404
        assert not (data.jobs / first).exists()
        assert server.client.head(f"/v1/files/{SHA}").status_code == 200
        assert server.client.delete(f"/v1/jobs/{second}").status_code == 204
        assert server.client.head(f"/v1/files/{SHA}").status_code == 404
        assert server.client.delete(f"/v1/jobs/{second}").status_code == 404
