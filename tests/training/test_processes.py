"""Two processes, each with half of the batch, learn what one learns; real ones, started by torchrun."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from small_run import SOURCES, small_config

from model_server.training.trainer import train

ROOT = Path(__file__).parents[2]
PATIENCE_S = 120
SAME_WEIGHTS = 0.02  # of the change that training made: sums in another order, and AdamW divides by small numbers


def two_processes(folder: Path, steps: int, *options: str) -> subprocess.Popen[str]:
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "tests")]), "OMP_NUM_THREADS": "1"}
    launch = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    command = [*launch, str(ROOT / "tests" / "small_run.py"), str(folder), str(steps), *options]
    return subprocess.Popen(
        command, env=environment, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )


def finished(process: subprocess.Popen[str]) -> str:
    said, _ = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 0, said
    return said


def losses(folder: Path) -> list[float]:
    lines = [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]
    return [line["loss"] for line in lines if line["kind"] == "train"]


def change(one: Path, other: Path) -> float:
    """Length of the difference between two files of weights, as one vector."""
    first, second = load_file(one), load_file(other)
    assert first.keys() == second.keys()
    return float(torch.stack([(first[name] - second[name]).norm() for name in first]).norm())


def test_two_processes_learn_what_one_learns(tmp_path):
    """Over the mask's whole life: at steps 1 to 4 its head learns, at the last it has no gradient."""
    options = {"batch": 2, "accumulation": 2}
    process = two_processes(tmp_path / "two", 6, "--accumulation", "2", "--batch", "1")
    train(small_config(tmp_path / "one", **options), sources=SOURCES)
    assert "finished" in finished(process)
    assert losses(tmp_path / "two") == pytest.approx(losses(tmp_path / "one"), rel=1e-3)
    last, middle = (f"checkpoints/step-0000000{step}/weights.safetensors" for step in (6, 3))
    learned = change(tmp_path / "one" / last, tmp_path / "one" / middle)
    # By the last step the last bit of a pixel has grown to a tenth of what was learned; at the third it is 0.3 %.
    assert change(tmp_path / "two" / middle, tmp_path / "one" / middle) < SAME_WEIGHTS * learned


def test_what_two_processes_hold_in_parts_goes_on_in_one(tmp_path):
    """FSDP, cut off by SIGTERM; then one process, then a whole run to compare.

    Before the end there is a look at held-out clips with the mean weights, after which it has to learn on with its own.
    """
    given = "--sharing fsdp --slow --batch 1 --accumulation 2".split()
    process = two_processes(tmp_path, 6, *given)
    log, deadline = tmp_path / "log.jsonl", time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline and not (log.exists() and "validation" in log.read_text()):
        time.sleep(0.05)
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=PATIENCE_S)
    assert (tmp_path / "checkpoints" / "latest").exists()
    assert not (tmp_path / "weights.safetensors").exists()
    options = {"batch": 2, "accumulation": 2}
    outcome = train(small_config(tmp_path, **options), resume=True, sources=SOURCES)
    assert outcome.progress.step == 6
    train(small_config(tmp_path / "one", **options), sources=SOURCES)
    assert losses(tmp_path) == pytest.approx(losses(tmp_path / "one"), rel=1e-3)
