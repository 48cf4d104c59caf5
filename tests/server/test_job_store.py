"""Jobs and files on disk, without processes: the queue, progress, what is kept and what is forgotten."""

import hashlib
import os
import shutil
import time
import uuid
from fractions import Fraction
from types import SimpleNamespace

import pytest

from model_server.api.guard import allowed_hosts
from model_server.engines import engine_named, engine_names
from model_server.engines.choose import engine_states
from model_server.jobs.files import DiskFull, FileStore, WrongOffset
from model_server.jobs.folders import BadId, DataFolder
from model_server.jobs.job import FootageFile, JobError, JobRequest, JobState
from model_server.jobs.lock import InUse, only_one
from model_server.jobs.store import JobStore, NoSuchJob, OtherJob
from model_server.settings import FrameRange, KnownLens, ModeChoice, SolveSettings

SHARED, OWN = "a" * 64, "b" * 64
SETTINGS = SolveSettings(
    engine="classical",
    frames=FrameRange(1001, 1010, 2),
    fps=Fraction(24000, 1001),
    lens=KnownLens(35.0, 36.0),
    mode=ModeChoice.FREE,
    distortion=(0.1, 0.0, 0.0),
)


def _request(*hashes):
    return JobRequest("shot", tuple(FootageFile(f"{i}.png", sha) for i, sha in enumerate(hashes)), SETTINGS)


@pytest.fixture
def store(tmp_path):
    store = JobStore(tmp_path / "jobs.sqlite")
    yield store
    store.close()


def _ids(count):
    return [str(uuid.uuid4()) for _ in range(count)]


def test_jobs_run_in_the_order_they_came_and_know_their_place(store):
    first, second, third = _ids(3)
    for job_id in (first, second, third):
        assert store.add(job_id, _request(SHARED))
    assert [store.get(job_id).place for job_id in (first, second, third)] == [1, 2, 3]
    assert store.start_next().id == first
    assert [store.get(job_id).place for job_id in (first, second, third)] == [None, 1, 2]
    assert store.start_next().id == first  # a crash: the one that was running goes on before others
    store.end(first, JobState.DONE)
    assert store.start_next().id == second


def test_what_was_asked_is_read_back(store):
    (job_id,) = _ids(1)
    store.add(job_id, _request(SHARED, OWN))
    assert store.request(job_id) == _request(SHARED, OWN)


def test_the_same_request_again_is_the_same_job_and_another_is_refused(store):
    (job_id,) = _ids(1)
    assert store.add(job_id, _request(SHARED))
    assert not store.add(job_id, _request(SHARED))
    with pytest.raises(OtherJob):
        store.add(job_id, _request(OWN))


def test_progress_never_goes_back(store):
    (job_id,) = _ids(1)
    store.add(job_id, _request(SHARED))
    store.start_next()
    for stage, fraction in (("engine", 0.3), ("footage", 0.01), ("tracks", 0.2)):
        store.progress(job_id, stage, fraction, 1.0)
    job = store.get(job_id)
    assert (job.stage, job.fraction, job.worked_s) == ("engine", 0.3, 3.0)
    assert job.seconds_left == pytest.approx(3.0 * 0.7 / 0.3, abs=0.1)


def test_an_end_is_final(store):
    (job_id,) = _ids(1)
    store.add(job_id, _request(SHARED))
    store.end(job_id, JobState.FAILED, JobError("code", "message", "hint"))
    store.end(job_id, JobState.DONE)
    assert store.get(job_id).state is JobState.FAILED
    assert store.get(job_id).error == JobError("code", "message", "hint")
    assert store.start_next() is None


def test_only_files_that_no_other_job_needs_are_forgotten(store):
    first, second = _ids(2)
    store.add(first, _request(SHARED, OWN))
    store.add(second, _request(SHARED))
    assert store.remove(first) == [OWN]
    assert store.remove(second) == [SHARED]
    with pytest.raises(NoSuchJob):
        store.get(first)


def _content():
    content = uuid.uuid4().bytes
    return content, hashlib.sha256(content).hexdigest()


def test_one_file_arrives_on_one_connection_at_a_time(tmp_path):
    files, (content, sha256) = FileStore(tmp_path, 1000), _content()
    with files.arriving(sha256, 0, len(content)) as arrival:
        arrival.write(content)
        with pytest.raises(WrongOffset, match="another connection"), files.arriving(sha256, 0, len(content)):
            pass
    files.finish(sha256)
    assert files.has(sha256)


def test_a_full_disk_is_named_before_and_while_a_file_arrives(tmp_path, monkeypatch):
    files, (content, sha256) = FileStore(tmp_path, 10**15), _content()
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=10**9))
    with pytest.raises(DiskFull), files.arriving(sha256, 0, 10**12):
        pass
    if os.path.exists("/dev/full"):
        monkeypatch.setattr(FileStore, "_part", lambda *_: type(tmp_path)("/dev/full"))
        with files.arriving(sha256, 0, len(content)) as arrival, pytest.raises(DiskFull):
            arrival.write(content)


def test_files_that_nobody_needs_go_after_a_week(tmp_path):
    files = FileStore(tmp_path, 1000)
    week_ago = time.time() - 8 * 24 * 3600
    for name, age in ((SHARED, week_ago), (OWN, week_ago), ("c" * 64, None), (f"{'d' * 64}.part", week_ago)):
        (tmp_path / name).touch()
        if age:
            os.utime(tmp_path / name, (age, age))
    files.remove_unused({SHARED})
    assert {file.name for file in tmp_path.iterdir()} == {SHARED, "c" * 64}


def test_footage_gets_its_names_back_and_costs_no_disk(tmp_path):
    folder = DataFolder(tmp_path).job(str(uuid.uuid4()))
    stored = tmp_path / "files"
    stored.mkdir()
    (stored / SHARED).write_bytes(b"picture")
    both = (FootageFile("shot.1.png", SHARED), FootageFile("shot.2.png", SHARED))
    assert folder.lay_out_footage(both, stored) == folder.footage
    assert (folder.footage / "shot.2.png").samefile(stored / SHARED)
    assert folder.lay_out_footage(both[:1], stored) == folder.footage / "shot.1.png"
    assert not (folder.footage / "shot.2.png").exists()


@pytest.mark.parametrize("job_id", ["", "..", "../x", "A" * 36, str(uuid.uuid4()).upper() + "\n"])
def test_only_uuids_name_folders(tmp_path, job_id):
    with pytest.raises(BadId):
        DataFolder(tmp_path).job(job_id)


def test_a_folder_has_one_owner(tmp_path):
    with only_one(tmp_path), pytest.raises(InUse), only_one(tmp_path):
        pass
    with only_one(tmp_path):
        pass


def test_a_server_that_listens_everywhere_takes_addresses_but_no_strangers_names():
    hosts, any_address = allowed_hosts("0.0.0.0")
    assert any_address
    assert "evil.example" not in hosts
    hosts, any_address = allowed_hosts("192.168.0.7")
    assert not any_address
    assert "192.168.0.7" in hosts


def test_the_api_names_the_engines_that_there_are():
    assert [engine.name for engine in engine_states()] == list(engine_names())
    assert engine_named("classical").name == "classical"
