"""Downloads against a hub on this machine: checked, gone on with where they broke off, refused in one line."""

import hashlib
import os

import pytest
from hub import running_hub

from model_server.engines.page4d.weights import disk_room, download
from model_server.engines.page4d.weights.disk_room import DiskFull
from model_server.engines.page4d.weights.download import DownloadFailed, fetch
from model_server.engines.page4d.weights.known import known_weights
from model_server.engines.page4d.weights.layout import WrongWeights

NOMASK, VGGT, COMMERCIAL = (known_weights(name) for name in ("page4d-nomask", "vggt-1b", "vggt-1b-commercial"))
CONTENT = bytes(range(256)) * 12_000  # 3 MB
SHA256 = hashlib.sha256(CONTENT).hexdigest()
NAME = "datasets/zhouk777/PAGE4D/checkpoint_nomask.pt"


@pytest.fixture
def hub(monkeypatch):
    with running_hub() as hub:
        hub.files = {NAME: CONTENT, "facebook/VGGT-1B/model.safetensors": CONTENT[:5000]}
        monkeypatch.setenv("HF_ENDPOINT", hub.address)
        yield hub


@pytest.fixture
def waits(monkeypatch):
    """How often a broken line was waited on; here that takes no time."""
    waited = []
    monkeypatch.setattr(download.time, "sleep", waited.append)
    return waited


def test_a_file_comes_whole_and_every_byte_is_reported(tmp_path, hub):
    steps = []

    def step(what, total):
        steps.append([what, total, 0])
        at = len(steps) - 1

        def went_by(count):
            steps[at][2] += count

        return went_by

    fetched = fetch(NOMASK, tmp_path / "downloads", step)
    assert fetched.path.read_bytes() == CONTENT
    assert fetched.sha256 == SHA256
    size = len(CONTENT)
    assert steps == [["download checkpoint_nomask.pt", size, size], ["checksum", size, size]]
    assert os.listdir(tmp_path / "downloads") == ["checkpoint_nomask.pt"]


def test_models_and_datasets_lie_in_different_places(tmp_path, hub):
    assert fetch(VGGT, tmp_path).path.read_bytes() == CONTENT[:5000]


def test_a_broken_line_is_taken_up_again_at_once(tmp_path, hub, waits):
    hub.breaks_after = 1_300_000
    assert fetch(NOMASK, tmp_path).path.read_bytes() == CONTENT
    first, *rest = hub.ranges
    assert first == ""
    starts = [int(wanted.removeprefix("bytes=").rstrip("-")) for wanted in rest]
    assert starts == sorted(set(starts))  # each answer brought something, none was asked for twice
    assert len(waits) == len(rest) >= 2


def test_a_download_that_failed_goes_on_in_the_next_run(tmp_path, hub, waits):
    hub.breaks_after = 1_300_000
    here = []

    def step(what, total):
        def went_by(count):
            here.append(count)
            if sum(here) > 1_000_000:
                hub.breaks_after = 0  # the line stays dead

        return went_by

    with pytest.raises(DownloadFailed) as caught:
        fetch(NOMASK, tmp_path, step)
    assert "checkpoint_nomask.pt did not come whole" in caught.value.message
    assert "goes on where it broke off" in caught.value.hint
    (part,) = tmp_path.iterdir()
    had = part.stat().st_size
    assert had > 1_000_000
    hub.breaks_after, hub.ranges = None, []
    assert fetch(NOMASK, tmp_path).path.read_bytes() == CONTENT
    assert hub.ranges == [f"bytes={had}-"]


def test_a_hub_that_knows_no_ranges_sends_all_of_it_again(tmp_path, hub, waits):
    hub.breaks_after, hub.knows_ranges = 2_000_000, False
    counted = []

    def step(what, total):
        def went_by(count):
            counted.append(count)
            hub.breaks_after = None if sum(counted) > 1_000_000 else hub.breaks_after

        return went_by if what.startswith("download") else lambda count: None

    assert fetch(NOMASK, tmp_path, step).path.read_bytes() == CONTENT
    assert sum(counted) == len(CONTENT)


def test_a_file_that_never_ends_is_not_written_on_and_on(tmp_path, hub):
    hub.sent_instead = CONTENT * 4
    with pytest.raises(WrongWeights):
        fetch(NOMASK, tmp_path)


def test_a_whole_file_from_an_earlier_run_is_not_downloaded_again(tmp_path, hub):
    fetch(NOMASK, tmp_path)
    hub.ranges = []
    assert fetch(NOMASK, tmp_path).sha256 == SHA256
    assert hub.ranges == []


def test_a_wrong_checksum_is_said_and_the_file_deleted(tmp_path, hub):
    hub.sent_instead = bytes(len(CONTENT))
    with pytest.raises(WrongWeights) as caught:
        fetch(NOMASK, tmp_path)
    assert SHA256[:16] in caught.value.message
    assert os.listdir(tmp_path) == []
    hub.sent_instead = None
    assert fetch(NOMASK, tmp_path).path.read_bytes() == CONTENT


def test_another_version_on_the_hub_starts_afresh(tmp_path, hub):
    (tmp_path / "checkpoint_nomask.pt.0123456789abcdef.part").write_bytes(b"an older version's beginning")
    (tmp_path / "checkpoint_nomask.pt").write_bytes(b"an older version that was kept")
    assert fetch(NOMASK, tmp_path).path.read_bytes() == CONTENT
    assert os.listdir(tmp_path) == ["checkpoint_nomask.pt"]


@pytest.mark.parametrize(
    ("known", "code", "words"),
    [
        (COMMERCIAL, "GatedRepo", "open only to those whom its owner has let in"),
        (COMMERCIAL, "RepoNotFound", "has no file vggt_1B_commercial.pt for you"),
        (COMMERCIAL, "", "has no file vggt_1B_commercial.pt for you"),
    ],
)
def test_what_the_hub_does_not_give_is_explained(tmp_path, hub, known, code, words):
    hub.error_code = code
    with pytest.raises(DownloadFailed) as caught:
        fetch(known, tmp_path)
    assert words in caught.value.message
    assert f"{hub.address}/facebook/VGGT-1B-Commercial" in caught.value.message + caught.value.hint


def test_no_hub_at_all_is_one_line(tmp_path, monkeypatch, waits):
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(DownloadFailed) as caught:
        fetch(NOMASK, tmp_path)
    assert "\n" not in caught.value.message
    assert "--file checkpoint_nomask.pt" in caught.value.hint


def test_room_is_asked_for_before_the_download_for_the_file_and_its_conversion(tmp_path, hub, monkeypatch):
    usage = disk_room.shutil.disk_usage(tmp_path)
    for known, copies in ((NOMASK, 2), (VGGT, 1)):
        needed = copies * len(hub.files[f"{known.address}/{known.file}"]) + (100 << 20)
        monkeypatch.setattr(disk_room.shutil, "disk_usage", lambda folder: usage._replace(free=needed - 1))  # noqa: B023
        with pytest.raises(DiskFull):
            fetch(known, tmp_path)
        assert hub.ranges == []
        monkeypatch.setattr(disk_room.shutil, "disk_usage", lambda folder: usage._replace(free=needed))  # noqa: B023
        fetch(known, tmp_path)
        hub.ranges = []
