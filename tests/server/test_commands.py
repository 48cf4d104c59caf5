"""The command line as a user meets it: exit codes, one clear line, and work that goes on where it was cut off."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from example_package import write_example
from synthetic_footage import small_clip, write_sequence

from model_server.film_backs import FILM_BACKS
from model_server.package.reader import read_package

ROOT = Path(__file__).parents[2]
PATIENCE_S = 300


@pytest.fixture(scope="module")
def footage(tmp_path_factory):
    return write_sequence(tmp_path_factory.mktemp("footage") / "room", small_clip())[0].parent


def _command(*arguments):
    return [sys.executable, "-m", "model_server", *map(str, arguments)]


def _run(*arguments):
    return subprocess.run(_command(*arguments), cwd=ROOT, capture_output=True, text=True, timeout=PATIENCE_S)


def _refused(*arguments):
    """The one line that a refused command says."""
    run = _run(*arguments)
    assert run.returncode == 2, run
    assert run.stdout == ""
    (line,) = [line for line in run.stderr.splitlines() if line.startswith("page4d-server: ")]
    assert "Traceback" not in run.stderr
    return line


def test_a_solve_that_was_killed_goes_on_where_it_stopped(tmp_path, footage):
    out = tmp_path / "shot.page4d"
    work = tmp_path / ".shot.page4d.work"
    process = subprocess.Popen(_command("solve", footage, "--out", out), cwd=ROOT, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + PATIENCE_S
    while not (done := list(work.glob("stages/tracks/done.json"))) and time.monotonic() < deadline:
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert done
    assert not out.exists()
    seconds = json.loads(done[0].read_text())["seconds"]
    run = _run("solve", footage, "--out", out, "--json")
    assert run.returncode == 0, run.stderr
    (line,) = run.stdout.splitlines()
    report = json.loads(line)
    assert report["frames"] == report["frames_solved"] == 8
    assert report["seconds"]["tracks"] == pytest.approx(seconds, abs=0.01)  # it was not done again
    read_package(out).verify()
    assert sorted(os.listdir(tmp_path)) == ["shot.page4d"]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--frames", "ten"], "--frames 'ten' is not a range"),
        (["--frames", "9-3"], "9-3 is empty"),
        (["--frames", "5000-6000"], "1001"),
        (["--step", "0"], "step 0"),
        (["--focal-mm", "35"], "--sensor-mm"),
        (["--focal-mm", "-35", "--sensor-mm", "36"], "-35"),
        (["--engine", "magic"], "magic"),
        (["--film-back", "box brownie", "--focal-mm", "35"], "box brownie"),
        (["--film-back", "super-35"], "--focal-mm"),
        (["--film-back", "super-35", "--sensor-mm", "36", "--focal-mm", "35"], "both"),
        (["--distortion", "much"], "much"),
        (["--distortion", "0.1,0,0,0"], "0.1,0,0,0"),
        (["--distortion", "nan"], "nan"),
        (["--smoothing", "2"], "smoothing 2"),
        (["--exclude", "nowhere"], "nowhere"),
        (["--matte", "Actor"], "Actor"),
        (["--matte", "a=x", "--matte", "A=y"], "same name"),
        (["--invert-mattes"], "no mattes"),
        (["--exclude", ".", "--dilate-mattes", "-1"], "-1 px"),
        (["--frames", "1001-1001"], "1 frame"),
    ],
)
def test_bad_options_are_one_clear_line(tmp_path, footage, options, words):
    assert words in _refused("solve", footage, "--out", tmp_path / "shot.page4d", *options)
    assert os.listdir(tmp_path) == []


def test_missing_and_broken_footage_is_one_clear_line(tmp_path):
    (tmp_path / "broken.mov").write_bytes(b"no movie")
    for footage in ("nothing.mov", "broken.mov"):
        assert footage in _refused("solve", tmp_path / footage, "--out", tmp_path / "shot.page4d")
    assert os.listdir(tmp_path) == ["broken.mov"]


def test_a_folder_that_is_no_package_is_left_alone(tmp_path, footage):
    (tmp_path / "film").mkdir()
    (tmp_path / "film/cut.mov").write_text("precious")
    assert "not a package" in _refused("solve", footage, "--out", tmp_path / "film")
    assert (tmp_path / "film/cut.mov").read_text() == "precious"


def test_a_package_stays_while_a_new_solve_fails(tmp_path):
    write_example(tmp_path / "shot.page4d")
    (tmp_path / "broken.mov").write_bytes(b"no movie")
    _refused("solve", tmp_path / "broken.mov", "--out", tmp_path / "shot.page4d")
    read_package(tmp_path / "shot.page4d").verify()


def test_film_backs_are_listed_without_footage():
    run = _run("solve", "--film-back", "list")
    assert run.returncode == 0, run.stderr
    assert len(run.stdout.splitlines()) == len(FILM_BACKS)
    assert "super-35" in run.stdout


def test_unknown_words_are_bad_input_too():
    for arguments in (["solv"], ["solve"], ["serve", "--port", "70000"], ["solve", "x", "--out", "y", "--mode", "fly"]):
        run = _run(*arguments)
        assert run.returncode == 2
        assert "Traceback" not in run.stderr
