"""`page4d-server weights` as a user meets it: what it says, how it ends, and that it goes on where it was cut off."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hub import running_hub
from typer.testing import CliRunner
from weights_files import EXPECTED, MASK_HEAD, tensors, write_checkpoint, write_published_safetensors

from model_server import weights_commands
from model_server.commands import app
from model_server.jobs.lock import only_one

ROOT = Path(__file__).parents[2]
PATIENCE_S = 120
COMMAND = [sys.executable, "-m", "model_server"]
# The same for a network of a few small tensors.
SMALL = [
    sys.executable,
    "-c",
    "from model_server import weights_commands; from weights_files import EXPECTED; "
    "weights_commands._released_shapes = lambda: EXPECTED; "
    "from model_server.__main__ import main; main()",
]


@pytest.fixture
def environment(tmp_path):
    known = {"PAGE4D_WEIGHTS_DIR": str(tmp_path / "weights"), "HF_HOME": str(tmp_path / "hub"), "COLUMNS": "200"}
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("HF_", "PAGE4D_WEIGHTS"))}
    return kept | known | {"PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "tests")])}


@pytest.fixture
def hub(environment):
    with running_hub() as hub:
        environment["HF_ENDPOINT"] = hub.address
        yield hub


@pytest.fixture
def small_command(environment, monkeypatch):
    """The command in this process, for a network of a few small tensors: published files are 5 GB each."""
    for name in ("PAGE4D_WEIGHTS_DIR", "COLUMNS"):
        monkeypatch.setenv(name, environment[name])
    if "HF_ENDPOINT" in environment:
        monkeypatch.setenv("HF_ENDPOINT", environment["HF_ENDPOINT"])
    monkeypatch.setattr(weights_commands, "_released_shapes", lambda: EXPECTED)
    return lambda *arguments: CliRunner().invoke(app, ["weights", *arguments])


def _run(environment, *arguments, command=COMMAND):
    line = [*command, "weights", *map(str, arguments)]
    return subprocess.run(
        line, cwd=ROOT, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=PATIENCE_S
    )


def _refused(run):
    """The one line that a refused command says."""
    assert run.returncode == 2, run
    assert "Traceback" not in run.stderr
    (line,) = [line for line in run.stderr.splitlines() if line.startswith("page4d-server: ")]
    return line


def test_the_list_shows_what_there_is_under_which_license(environment):
    run = _run(environment, "list")
    assert run.returncode == 0
    rows = [line.split() for line in run.stdout.splitlines() if line.split()[1:2] == ["no"]]
    assert [row[0] for row in rows] == ["page4d-nomask", "page4d-mask", "vggt-1b-commercial", "vggt-1b"]
    assert environment["PAGE4D_WEIGHTS_DIR"] in run.stdout
    assert "not stated" in run.stdout
    assert "CC-BY-NC-4.0" in run.stdout


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["download", "vggt-2b"], "page4d-nomask, page4d-mask, vggt-1b-commercial, vggt-1b"),
        (["download", "vggt-1b"], "--accept-license"),
        (["download", "vggt-1b", "--offline"], "weights download vggt-1b --file model.safetensors"),
        (["download", "vggt-1b", "--accept-license", "--file", "nothing.pt"], "there is no file nothing.pt"),
        (["check", "vggt-1b"], "page4d-server weights download vggt-1b"),
    ],
)
def test_what_can_not_be_done_is_one_clear_line(environment, arguments, words):
    assert words in _refused(_run(environment, *arguments))


def test_the_hubs_own_offline_switch_counts_too(environment):
    line = _refused(_run(environment | {"HF_HUB_OFFLINE": "1"}, "download", "page4d-nomask", "--accept-license"))
    assert "checkpoint_nomask.pt is missing" in line


def test_the_license_is_shown_before_anything_else_happens(environment, hub):
    run = _run(environment, "download", "page4d-nomask")
    _refused(run)
    assert "The license of the PAGE-4D weights is not stated anywhere." in run.stderr
    assert hub.ranges == []


@pytest.mark.skipif(os.name == "nt", reason="a terminal to answer in is made with pty, which Windows lacks")
@pytest.mark.parametrize(("answer", "words"), [("n", b"has to be accepted first"), ("y", b"then log in with")])
def test_at_a_terminal_the_license_is_asked_for(environment, hub, answer, words):
    hub.error_code = "GatedRepo"  # as far as an accepted one gets here
    ours, theirs = os.openpty()
    line = [*COMMAND, "weights", "download", "vggt-1b-commercial"]
    process = subprocess.Popen(line, cwd=ROOT, env=environment, stdin=theirs, stdout=theirs, stderr=theirs)
    os.close(theirs)
    os.write(ours, f"{answer}\n".encode())
    said = b""
    while chunk := _read(ours):
        said += chunk
    os.close(ours)
    assert process.wait(PATIENCE_S) == 2
    assert b"military use" in said
    assert b"Do you accept this?" in said
    assert words in said


def _read(terminal):
    try:
        return os.read(terminal, 4096)
    except OSError:  # Linux says so when the other side is gone
        return b""


def test_a_wrong_file_names_what_does_not_fit(tmp_path, environment):
    source = write_checkpoint(tmp_path / "copy.pt", tensors())
    line = _refused(_run(environment, "download", "page4d-mask", "--accept-license", "--file", source))
    assert "copy.pt does not fit the network: of 1803 tensors" in line
    assert "missing (" in line


def test_from_the_hub_to_an_installed_file_and_nothing_else(tmp_path, hub, small_command):
    source = write_checkpoint(tmp_path / "checkpoint_mask.pt", tensors())
    hub.files["datasets/zhouk777/PAGE4D/checkpoint_mask.pt"] = source.read_bytes()
    run = small_command("download", "page4d-mask", "--accept-license")
    assert run.exit_code == 0, run.stderr
    assert "on, alpha 64" in run.stdout
    folder = tmp_path / "weights"
    assert sorted(os.listdir(folder)) == ["in_use.lock", "page4d-mask.json", "page4d-mask.safetensors"]
    hub.ranges.clear()
    assert small_command("download", "page4d-mask").exit_code == 0  # it is there: nothing to accept, nothing to do
    assert hub.ranges == []
    again = small_command("download", "page4d-mask", "--accept-license", "--again", "--keep")
    assert again.exit_code == 0, again.stderr
    assert (folder / "downloads/checkpoint_mask.pt").read_bytes() == source.read_bytes()


def test_a_check_finds_what_changed_and_what_does_not_fit(tmp_path, small_command, monkeypatch):
    source = write_checkpoint(tmp_path / "copy.pt", tensors())
    small_command("download", "page4d-mask", "--accept-license", "--file", str(source))
    run = small_command("check", "page4d-mask")
    assert run.exit_code == 0, run.stderr
    assert "13, all of them as the network wants them" in run.stdout
    path = tmp_path / "weights/page4d-mask.safetensors"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    run = small_command("check", "page4d-mask")
    assert run.exit_code == 2
    assert "weights download page4d-mask --again" in run.stderr
    monkeypatch.setattr(weights_commands, "_released_shapes", lambda: EXPECTED | {"backbone.more": (3,)})
    run = small_command("check", "page4d-mask")
    assert run.exit_code == 2
    assert "1 missing (backbone.more)" in run.stderr


def test_two_downloads_at_once_are_one_too_many(tmp_path, small_command):
    with only_one(tmp_path / "weights"):
        run = small_command("download", "page4d-mask", "--accept-license", "--file", __file__)
    assert run.exit_code == 2
    assert "another process works in" in run.stderr


def test_a_download_that_was_killed_goes_on(tmp_path, environment, hub):
    source = write_published_safetensors(tmp_path / "model.safetensors", tensors((MASK_HEAD,)))
    content = source.read_bytes()
    padding = 3 << 20  # more than one piece, so that a killed download leaves something
    header = int.from_bytes(content[:8], "little") + padding
    content = (
        header.to_bytes(8, "little")
        + content[8 : header - padding + 8]
        + b" " * padding
        + content[header - padding + 8 :]
    )
    hub.files["facebook/VGGT-1B/model.safetensors"] = content
    hub.stalls_after = 2_500_000
    line = [*SMALL, "weights", "download", "vggt-1b", "--accept-license"]
    process = subprocess.Popen(line, cwd=ROOT, env=environment, stderr=subprocess.DEVNULL)
    downloads = Path(environment["PAGE4D_WEIGHTS_DIR"]) / "downloads"
    deadline = time.monotonic() + PATIENCE_S
    while sum(part.stat().st_size for part in downloads.glob("*.part")) < 2 << 20 and time.monotonic() < deadline:
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait()
    hub.released.set()
    hub.stalls_after, hub.ranges = None, []
    run = _run(environment, "download", "vggt-1b", "--accept-license", command=SMALL)
    assert run.returncode == 0, run.stderr
    assert hub.ranges == [f"bytes={2 << 20}-"]
    assert (downloads.parent / "vggt-1b.safetensors").read_bytes() == content


def test_a_gated_file_says_how_to_get_in(environment, hub):
    hub.error_code = "GatedRepo"
    line = _refused(_run(environment, "download", "vggt-1b-commercial", "--accept-license"))
    assert "hf auth login" in line
    assert "facebook/VGGT-1B-Commercial" in line
