"""A run that was cut off and went on is, to the bit, one that never stopped."""

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from small_run import SOURCES, small_config

from model_server.errors import BadInput
from model_server.training.trainer import train

ROOT = Path(__file__).parents[2]
PATIENCE_S = 120
FILES = "weights.safetensors", "optimizer.safetensors", "ema.safetensors"


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "unbroken"
    train(small_config(folder), sources=SOURCES)
    return folder


def same_run(one: Path, other: Path) -> None:
    last = "checkpoints/step-00000006"
    for name in FILES:
        first, second = load_file(one / last / name), load_file(other / last / name)
        assert first.keys() == second.keys()
        for key, tensor in first.items():
            assert torch.equal(tensor, second[key]), (name, key)
    assert (one / last / "state.json").read_text() == (other / last / "state.json").read_text()
    first, second = (
        [_without_time(line) for line in (run / "log.jsonl").read_text().splitlines()] for run in (one, other)
    )
    assert first == second


def _without_time(line: str) -> dict[str, float]:
    return {name: value for name, value in json.loads(line).items() if name != "seconds"}


def stopped_after(folder: Path, steps: int, config) -> None:
    """A run of the same length that is stopped as SIGTERM stops it."""

    class Source(type(SOURCES.learned)):
        def batch(self, step, size, rank, world):
            if step == steps - 1:
                os.kill(os.getpid(), signal.SIGTERM)
            return super().batch(step, size, rank, world)

    outcome = train(config, sources=replace(SOURCES, learned=Source()))
    assert outcome.weights is None
    assert outcome.progress.step == steps


@pytest.mark.parametrize("steps", [2, 3])
def test_stopped_and_resumed_is_bit_equal(tmp_path, unbroken, steps):
    config = small_config(tmp_path)
    stopped_after(tmp_path, steps, config)
    assert train(config, resume=True, sources=SOURCES).weights is not None
    same_run(unbroken, tmp_path)


def test_a_run_goes_on_without_the_weights_it_began_with(tmp_path):
    first = small_config(tmp_path / "first")
    weights = train(first, sources=SOURCES).weights
    config = small_config(tmp_path / "second")
    config = replace(config, model=replace(config.model, weights=str(weights)))
    stopped_after(tmp_path / "second", 2, config)
    weights.unlink()
    assert train(config, resume=True, sources=SOURCES).weights is not None


def test_a_killed_run_goes_on_from_its_last_whole_checkpoint(tmp_path, unbroken):
    config = small_config(tmp_path)

    class Source(type(SOURCES.learned)):
        def batch(self, step, size, rank, world):
            if step == 4:
                raise KeyboardInterrupt
            return super().batch(step, size, rank, world)

    with pytest.raises(KeyboardInterrupt):
        train(config, sources=replace(SOURCES, learned=Source()))
    (tmp_path / "checkpoints" / ".step-00000004.part").mkdir()  # what was cut off while it was written
    train(config, resume=True, sources=SOURCES)
    same_run(unbroken, tmp_path)


def test_workers_change_nothing(tmp_path, unbroken):
    train(small_config(tmp_path, workers=2), sources=SOURCES)
    same_run(unbroken, tmp_path)


def test_a_real_process_writes_a_checkpoint_on_sigterm_and_goes_on(tmp_path, unbroken):
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "tests")])}
    command = [sys.executable, str(ROOT / "tests" / "small_run.py"), str(tmp_path), "6"]
    process = subprocess.Popen([*command, "--slow"], env=environment, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    log, deadline = tmp_path / "log.jsonl", time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline and not (log.exists() and log.read_text()):
        time.sleep(0.05)
    process.send_signal(signal.SIGTERM)
    said, _ = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 0
    assert said.startswith("stopped after")
    assert not (tmp_path / "weights.safetensors").exists()
    train(small_config(tmp_path), resume=True, sources=SOURCES)
    same_run(unbroken, tmp_path)


def test_the_last_two_checkpoints_are_kept(tmp_path):
    train(small_config(tmp_path, steps=4, checkpoint_every=1), sources=SOURCES)
    kept = sorted(path.name for path in (tmp_path / "checkpoints").iterdir())
    assert kept == ["latest", "step-00000003", "step-00000004"]
    assert (tmp_path / "checkpoints" / "latest").read_text().strip() == "step-00000004"


def test_a_run_is_not_overwritten_and_another_network_not_resumed(tmp_path, unbroken):
    with pytest.raises(BadInput, match="holds a run"):
        train(small_config(unbroken), sources=SOURCES)
    config = small_config(unbroken, steps=7)
    other = replace(config, model=replace(config.model, mask=False))
    with pytest.raises(BadInput, match="mask_head"):
        train(other, resume=True, sources=SOURCES)
    with pytest.raises(BadInput, match="6 steps"):
        train(small_config(unbroken, steps=5), resume=True, sources=SOURCES)


def test_a_run_logs_what_changes_from_step_to_step(unbroken):
    lines = [json.loads(line) for line in (unbroken / "log.jsonl").read_text().splitlines()]
    steps = [line for line in lines if line["kind"] == "train"]
    assert [line["step"] for line in steps] == [1, 2, 3, 4, 5, 6]
    alphas = [line["alpha"] for line in steps]
    assert alphas[:2] == [64, 64]
    assert alphas[2:] == sorted(alphas[2:], reverse=True)
    assert alphas[-1] == 0
    assert {"loss", "camera", "depth", "points", "gradient", "seconds", "rate_rest", "skipped"} <= steps[0].keys()
    looked = [line for line in lines if line["kind"] == "validation"]
    assert [line["step"] for line in looked] == [3, 6]
    assert {"loss", "rotation_degrees", "ate", "abs_rel"} <= looked[0].keys()
    assert list((unbroken / "tensorboard").iterdir())
