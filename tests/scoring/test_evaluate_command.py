"""`page4d-server evaluate` as a user meets it."""

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from filmed_scene import film
from random_network import random_network
from safetensors.torch import save_file
from scoring_folders import write_sintel
from typer.testing import CliRunner

from model_server.commands import app
from model_server.engines.page4d.network.config import ModelConfig

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    path = tmp_path_factory.mktemp("weights") / "tiny.safetensors"
    save_file(random_network(replace(ModelConfig.tiny(), track=None)).state_dict(), path)
    return path


@pytest.fixture
def sintel(tmp_path):
    root = tmp_path / "sintel"
    write_sintel(root, "alley_2", film(4, seed=1))
    write_sintel(root, "market_2", film(4, seed=2))
    broken = root / "training/depth/market_2/frame_0001.dpt"
    broken.write_bytes(broken.read_bytes()[:20])
    return root


def _run(*arguments):
    return CliRunner().invoke(app, ["evaluate", *map(str, arguments)], env={"COLUMNS": "200"})


def test_a_process_ends_with_a_table_json_and_pictures(tmp_path, sintel, weights):
    out = tmp_path / "scores"
    line = [sys.executable, "-m", "model_server", "evaluate", "--task", "video-depth", "--dataset", "sintel",
            "--root", sintel, "--weights", weights, "--out", out]  # fmt: skip
    environment = os.environ | {"COLUMNS": "60", "OMP_NUM_THREADS": "1"}  # too narrow for all figures
    done = subprocess.run(line, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert "mean of 1 of 2" in done.stdout
    assert all(name in done.stdout for name in ("abs_rel", "log_rmse", "delta_1.25^3", "scale-and-shift"))
    assert "…" not in done.stdout
    assert "market_2 failed: " in done.stdout
    assert "Warning" not in done.stderr
    said = json.loads((out / "scores.json").read_text())
    assert said["failed"] == ["market_2"]
    assert set(said["mean"]) == {"median", "scale", "scale-and-shift", "metric"}
    assert (out / "alley_2.png").is_file()


@pytest.mark.parametrize("protocol", ["paper", "corrected"])
@pytest.mark.parametrize("task", ["pose", "mono-depth", "points", "motion"])
def test_every_task_and_protocol_gives_figures(tmp_path, sintel, weights, task, protocol):
    done = _run(
        *("--task", task, "--dataset", "sintel", "--root", sintel, "--protocol", protocol),
        *("--weights", weights, "--sequences", "alley_2", "--out", tmp_path / "out"),
    )
    if (task, protocol) == ("pose", "paper"):  # the film's camera is on rails, which the published tools drop
        assert done.exit_code == 2
        assert "alley_2 failed: " in done.stdout
        return
    assert done.exit_code == 0, done.output
    said = json.loads((tmp_path / "out/scores.json").read_text())
    assert said["scored"] == 1
    assert said["protocol"] == protocol
    assert len(said["mean"]) == (4 if (task, protocol) == ("mono-depth", "corrected") else 1)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"--task": "depth"}, "there is no task 'depth'"),
        ({"--protocol": "official"}, "there is no protocol 'official'"),
        ({"--dataset": "imagenet"}, "'imagenet' can't be scored on"),
        ({"--dataset": "kitti"}, "kitti has no truth for pose"),
        ({"--root": "nowhere"}, "the folder 'nowhere' of sintel does not exist"),
        ({"--root": None}, "--root"),
        ({"--weights": "nothing.safetensors"}, "'nothing.safetensors'"),
        ({"--weights": None}, "weights download"),
        ({"--sequences": "alley_9"}, "no sequence 'alley_9'"),
        ({"--out": __file__}, "can't be made"),
    ],
)
def test_what_can_not_be_done_is_one_clear_line(sintel, weights, changes, said):
    asked = {"--task": "pose", "--dataset": "sintel", "--root": sintel, "--weights": weights} | changes
    done = _run(*(word for name, value in asked.items() if value is not None for word in (name, value)))
    assert done.exit_code == 2
    assert said in done.stderr
    assert done.stderr.count("page4d-server: ") == 1
    assert "Traceback" not in done.output


def test_where_no_sequence_can_be_scored_the_table_says_why_and_the_command_fails(sintel, weights):
    done = _run(
        "--task", "pose", "--dataset", "sintel", "--root", sintel, "--weights", weights, "--sequences", "market_2"
    )
    assert done.exit_code == 2
    assert "market_2 failed: " in done.stdout
    assert "no sequence of sintel could be scored" in done.stderr
