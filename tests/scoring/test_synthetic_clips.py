"""Our own held-out clips as a dataset, and the comparison of small networks on them."""

import sys

import numpy as np
import pytest
from random_network import random_network
from safetensors.torch import save_file
from scoring_oracle import OneAnswer

from model_server.engines.page4d.network.config import ModelConfig
from model_server.scoring.datasets import open_dataset
from model_server.scoring.evaluate import evaluate
from model_server.scoring.rules import CORRECTED, Task
from model_server.training.synthetic import draw


def test_clips_are_held_out_ones_with_their_truth_and_each_is_another():
    reader = open_dataset("synthetic", None, Task.POSE)
    names = [sequence.name for sequence in reader.sequences]
    assert len(names) == len(set(names)) == 40
    moving, still = reader.frame("moving_01", 2), reader.frame("still_01", 2)
    settings = draw.SceneSettings(moving_share=1.0, textures=draw.Split.HELD_OUT)
    clip = draw.draw_clips(draw.seeds_of(draw.Split.HELD_OUT, 1, 1), settings)[0]
    np.testing.assert_array_equal(moving.camera_from_world, clip.camera_from_world[2].double())
    np.testing.assert_array_equal(moving.depth > 0, clip.valid[2] & (clip.depth[2] > 0))
    np.testing.assert_array_equal(moving.moving, clip.moving[2])
    assert not still.moving.any()
    assert (still.image != moving.image).any()


@pytest.mark.parametrize("task", [Task.VIDEO_DEPTH, Task.MOTION])
def test_they_can_be_scored_on(task):
    reader = open_dataset("synthetic", None, task)
    scores = evaluate(task, reader, OneAnswer(), CORRECTED, ["moving_00", "still_00"])
    assert scores.counted == "2 of 2"


def test_small_networks_are_compared(tmp_path, monkeypatch, capsys):
    import mini

    for name, seed in (("one", 1), ("two", 2)):
        save_file(random_network(ModelConfig.mini(), seed=seed).state_dict(), tmp_path / f"{name}.safetensors")
    models = [f"{name}={tmp_path / name}.safetensors" for name in ("one", "two")]
    sizes = ["--clips", "2", "--batch", "2", "--frames", "3", "--width", "56", "--height", "42", "--device", "cpu"]
    monkeypatch.setattr(sys, "argv", ["mini.py", *models, *sizes])
    mini.main()
    said = capsys.readouterr().out
    assert "| moving | clips | a camera that stands, one depth | one | two |" in said
    assert "| still | clips | two - one |" in said
