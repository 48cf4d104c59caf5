"""From a published file to an installed one: nothing in it runs, nothing of it is lost, half an install is none."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
import zipfile
from contextlib import suppress
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file
from weights_files import EXPECTED, MASK_HEAD, TRACK_HEAD, tensors, write_checkpoint, write_published_safetensors

from model_server.engines.page4d.weights import disk_room, install
from model_server.engines.page4d.weights.disk_room import DiskFull
from model_server.engines.page4d.weights.install import check_installed, install_file
from model_server.engines.page4d.weights.installed import WeightsMissing, chosen_weights, installed_weights
from model_server.engines.page4d.weights.known import KNOWN, known_weights
from model_server.engines.page4d.weights.layout import WrongWeights
from model_server.errors import BadInput

ROOT = Path(__file__).parents[2]
NOMASK, MASK, VGGT = (known_weights(name) for name in ("page4d-nomask", "page4d-mask", "vggt-1b"))


def _install(folder, source, known=MASK):
    return install_file(known, source, EXPECTED, folder / "weights")


def _refused(folder, source, known=MASK):
    """The one line that a bad file is refused with; nothing stays behind."""
    with pytest.raises(WrongWeights) as caught:
        _install(folder, source, known)
    assert "\n" not in caught.value.message
    assert source.name in caught.value.message
    assert source.exists()
    assert os.listdir(folder / "weights") == []
    return caught.value.message


@pytest.mark.parametrize("without", [(), (TRACK_HEAD,)])
@pytest.mark.parametrize("wrapped", [True, False])
def test_a_checkpoint_becomes_safetensors_with_the_same_numbers(tmp_path, wrapped, without):
    weights = tensors(without)
    source = write_checkpoint(tmp_path / "checkpoint_mask.pt", weights, wrapped)
    installed = _install(tmp_path, source)
    assert installed.sha256 == hashlib.sha256(source.read_bytes()).hexdigest()
    assert installed.installed_sha256 == hashlib.sha256(installed.path.read_bytes()).hexdigest()
    assert installed.has_mask_head
    assert installed.has_track_head == (without == ())
    assert installed.mask_strength == 64
    assert installed.license == "not stated"
    found = load_file(installed.path)
    assert found.keys() == weights.keys()
    assert all(torch.equal(found[name], weights[name]) for name in weights)
    with safe_open(installed.path, framework="np") as file:
        assert file.metadata() == {"name": "page4d-mask", "source_sha256": installed.sha256, "format": "pt"}
    assert installed_weights(tmp_path / "weights") == (installed,)
    assert sorted(os.listdir(tmp_path / "weights")) == ["page4d-mask.json", "page4d-mask.safetensors"]
    check_installed(installed, EXPECTED)


def test_vggt_comes_without_the_mask_head_and_is_taken_as_it_is(tmp_path):
    source = write_published_safetensors(tmp_path / "model.safetensors", tensors((MASK_HEAD,)))
    installed = _install(tmp_path, source, VGGT)
    assert installed.path.read_bytes() == source.read_bytes()
    assert installed.sha256 == installed.installed_sha256
    assert not installed.has_mask_head
    assert installed.mask_strength == 0
    check_installed(installed, EXPECTED)


def test_buffers_of_some_vggt_files_are_not_kept(tmp_path):
    weights = tensors((MASK_HEAD,)) | {"aggregator._resnet_mean": torch.zeros(1, 1, 3, 1, 1)}
    installed = _install(tmp_path, write_checkpoint(tmp_path / "model.pt", weights, wrapped=False), VGGT)
    assert load_file(installed.path).keys() == tensors((MASK_HEAD,)).keys()


def test_tensors_that_lie_scattered_keep_their_numbers(tmp_path):
    weights = tensors()
    name = "aggregator.frame_blocks.0.attn.qkv.weight"
    weights[name] = weights[name].T.contiguous().T  # the same numbers, columns first in the file
    found = load_file(_install(tmp_path, write_checkpoint(tmp_path / "a.pt", weights)).path)
    assert torch.equal(found[name], weights[name])


class _Hostile:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (os.mkdir, (self.path,))


def test_code_in_a_checkpoint_never_runs(tmp_path):
    hostile = tensors() | {"aggregator.camera_token": _Hostile(str(tmp_path / "owned"))}
    for wrapped in (True, False):
        line = _refused(tmp_path, write_checkpoint(tmp_path / "bad.pt", hostile, wrapped))
        assert "no checkpoint of plain tensors" in line
    source = write_checkpoint(
        tmp_path / "beside.pt", {"model": tensors(), "scaler": _Hostile(str(tmp_path / "owned"))}, False
    )
    _refused(tmp_path, source)
    assert not (tmp_path / "owned").exists()


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        (5, "no plain tensors: 'aggregator.camera_token' is a int"),
        (torch.eye(3).to_sparse(), "is a torch.sparse_coo tensor"),
        (torch.zeros(1).expand(10**6, 10**6), "of another shape (aggregator.camera_token (1000000, 1000000)"),
        (torch.zeros(1, 2, 1, 8, dtype=torch.bfloat16), "not float32 (aggregator.camera_token BF16)"),
        (torch.zeros(1, 2, 1, 8, dtype=torch.int64), "not float32 (aggregator.camera_token torch.int64)"),
    ],
)
def test_entries_that_are_no_weights_are_named(tmp_path, entry, words):
    source = write_checkpoint(tmp_path / "bad.pt", tensors() | {"aggregator.camera_token": entry})
    assert words in _refused(tmp_path, source)


@pytest.mark.parametrize("content", [5, [], {}, {"model": {}}, {"model": "weights"}, {3: torch.ones(1)}])
def test_checkpoints_of_something_else_are_refused(tmp_path, content):
    _refused(tmp_path, write_checkpoint(tmp_path / "bad.pt", content, wrapped=False))


def test_files_cut_short_are_refused(tmp_path):
    whole = write_checkpoint(tmp_path / "whole.pt", tensors())
    safetensors = write_published_safetensors(tmp_path / "whole.safetensors", tensors())
    for source in (whole, safetensors):
        content = source.read_bytes()
        for share in (0.0, 0.001, 0.3, 0.9, 0.999):
            short = tmp_path / f"short{source.suffix}"
            short.write_bytes(content[: int(share * len(content))])
            _refused(tmp_path, short)


def test_headers_that_promise_too_much_are_refused(tmp_path):
    huge = json.dumps(
        {"aggregator.camera_token": {"dtype": "F32", "shape": [2**40], "data_offsets": [0, 2**42]}}
    ).encode()
    for name, content in {
        "length.safetensors": (2**62).to_bytes(8, "little") + b"{}",
        "shape.safetensors": len(huge).to_bytes(8, "little") + huge + bytes(64),
        "nothing.safetensors": b"",
    }.items():
        (tmp_path / name).write_bytes(content)
        _refused(tmp_path, tmp_path / name)


def test_an_archive_that_unpacks_to_more_than_it_holds_is_refused_before_it_is_unpacked(tmp_path):
    source = tmp_path / "bomb.pt"
    with zipfile.ZipFile(source, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("bomb/data.pkl", bytes(50_000_000))
        archive.writestr("bomb/version", "3")
    assert "unpacks to 50000000 bytes" in _refused(tmp_path, source)


def test_whatever_is_damaged_in_the_index_is_known_as_wrong_weights(tmp_path):
    whole = write_checkpoint(tmp_path / "whole.pt", tensors())
    content = whole.read_bytes()
    with zipfile.ZipFile(whole) as archive:
        index = next(entry for entry in archive.infolist() if entry.filename.endswith("data.pkl"))
    start = content.index(b"data.pkl", index.header_offset) + len("data.pkl")
    generator = torch.Generator().manual_seed(1)
    for _ in range(60):
        damaged = bytearray(content)
        for _ in range(4):
            at = start + int(torch.randint(index.file_size, (), generator=generator))
            damaged[at] = int(torch.randint(256, (), generator=generator))
        (tmp_path / "damaged.pt").write_bytes(damaged)
        with suppress(WrongWeights):  # and nothing else: the bytes may still mean the same
            _install(tmp_path, tmp_path / "damaged.pt")


def test_a_missing_file_is_one_line(tmp_path):
    with pytest.raises(WrongWeights, match=r"nothing.pt can't be read"):
        _install(tmp_path, tmp_path / "nothing.pt")


def test_too_little_disk_is_said_before_anything_is_written(tmp_path, monkeypatch):
    full = shutil.disk_usage(tmp_path)._replace(free=1000)
    monkeypatch.setattr(disk_room.shutil, "disk_usage", lambda folder: full)
    with pytest.raises(DiskFull, match=r"0.10 GB are needed"):
        _install(tmp_path, write_checkpoint(tmp_path / "a.pt", tensors()))
    assert os.listdir(tmp_path / "weights") == []


def test_an_install_that_was_cut_off_does_not_count(tmp_path, monkeypatch):
    source = write_checkpoint(tmp_path / "a.pt", tensors())
    _install(tmp_path, source)

    def killed(weights):
        raise KeyboardInterrupt

    monkeypatch.setattr(install, "write_record", killed)
    with pytest.raises(KeyboardInterrupt):
        _install(tmp_path, source)
    assert installed_weights(tmp_path / "weights") == ()
    monkeypatch.undo()
    _install(tmp_path, source)
    assert len(installed_weights(tmp_path / "weights")) == 1


def test_damaged_records_and_files_do_not_count(tmp_path):
    folder, source = tmp_path / "weights", write_checkpoint(tmp_path / "a.pt", tensors())
    record = folder / "page4d-mask.json"
    _install(tmp_path, source)
    good = record.read_text()
    for bad in ("", "[]", "{}", "null", good.replace("page4d-mask", "page4d-nomask"), good.replace("true", '"yes"')):
        record.write_text(bad)
        assert installed_weights(folder) == ()
    record.write_text(good)
    with (folder / "page4d-mask.safetensors").open("ab") as file:
        file.write(b"more")
    assert installed_weights(folder) == ()
    assert installed_weights(tmp_path / "nowhere") == ()


def test_a_file_that_changed_fails_its_check(tmp_path):
    installed = _install(tmp_path, write_checkpoint(tmp_path / "a.pt", tensors()))
    content = bytearray(installed.path.read_bytes())
    content[-1] ^= 1
    installed.path.write_bytes(content)
    with pytest.raises(WrongWeights, match="has changed since it was installed"):
        check_installed(installed, EXPECTED)


def test_the_authors_suggestion_is_taken_first_and_the_environment_decides(tmp_path, monkeypatch):
    folder = tmp_path / "weights"
    monkeypatch.setenv("PAGE4D_WEIGHTS_DIR", str(folder))
    monkeypatch.delenv("PAGE4D_WEIGHTS", raising=False)
    with pytest.raises(WeightsMissing) as caught:
        chosen_weights()
    assert caught.value.hint == "run: page4d-server weights download page4d-nomask"
    page4d = write_checkpoint(tmp_path / "a.pt", tensors())
    vggt = write_checkpoint(tmp_path / "b.pt", tensors((MASK_HEAD,)))
    for known in reversed(KNOWN):
        _install(tmp_path, page4d if known.has_mask_head else vggt, known)
        assert chosen_weights().name == known.name
    names = [weights.name for weights in installed_weights()]
    assert names == ["page4d-nomask", "page4d-mask", "vggt-1b-commercial", "vggt-1b"]
    monkeypatch.setenv("PAGE4D_WEIGHTS", "vggt-1b")
    assert chosen_weights().name == "vggt-1b"
    (folder / "vggt-1b.json").unlink()
    with pytest.raises(WeightsMissing, match="vggt-1b are not installed"):
        chosen_weights()
    monkeypatch.setenv("PAGE4D_WEIGHTS", "vggt-2b")
    with pytest.raises(BadInput, match="vggt-2b"):
        chosen_weights()


def test_asking_what_is_installed_needs_none_of_the_networks_libraries():
    code = (
        "import sys, model_server.commands, model_server.engines; "
        "from model_server.engines.page4d.weights import installed, libraries; "
        "installed.installed_weights(); libraries.libraries_missing(); "
        "sys.exit(bool({'torch', 'safetensors', 'huggingface_hub'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT).returncode == 0
