"""Clips are the same for the same step, however many processes share them and whoever draws ahead."""

from collections import Counter
from dataclasses import replace

import pytest
import torch
from filmed_scene import film
from small_run import small_config
from training_folders import write_kubric
from wall_clips import WallSource

from model_server.errors import BadInput
from model_server.training.batches import Share, batches
from model_server.training.config import DataSettings
from model_server.training.sources import Mixture, clip_source


def test_two_processes_see_what_one_would():
    whole = WallSource().batch(3, 4, 0, 1)
    parts = [WallSource().batch(3, 2, rank, 2) for rank in (0, 1)]
    assert torch.equal(torch.cat([part.images for part in parts]), whole.images)


def test_batches_drawn_ahead_come_in_order_and_are_the_same():
    inline = list(batches(WallSource(), 4, 9, 1, Share(), workers=0))
    ahead = list(batches(WallSource(), 4, 9, 1, Share(), workers=2))
    assert [clip.name for clip in inline] == [clip.name for clip in ahead] == [f"wall {n}" for n in range(4, 9)]
    assert all(torch.equal(a.depth, b.depth) for a, b in zip(inline, ahead))


def test_a_mixture_keeps_its_shares_and_every_process_draws_the_same():
    mixture = Mixture((WallSource(2), WallSource(3), WallSource(4)), (1.0, 2.0, 1.0), seed=7)
    frames = [mixture.batch(step, 1, 0, 2).images.shape[1] for step in range(400)]
    assert frames[:20] == [mixture.batch(step, 1, 1, 2).images.shape[1] for step in range(20)]
    shares = {count: seen / 400 for count, seen in Counter(frames).items()}
    assert shares == pytest.approx({2: 0.25, 3: 0.5, 4: 0.25}, abs=0.06)


def test_unknown_data_is_named(tmp_path):
    with pytest.raises(BadInput, match="'walls' is no kind of data"):
        clip_source(small_config(tmp_path))
    assert DataSettings("walls").weight == 1


def test_a_dataset_is_named_in_the_configuration_with_its_folder(tmp_path):
    for split, seed in (("train", 1), ("validation", 2)):
        write_kubric(tmp_path / split, f"scene_{split}", film(5, seed=seed))
    options = {"root": str(tmp_path / "train"), "held_out_root": str(tmp_path / "validation")}
    options["shapes"] = {"width": 42, "least_frames": 2, "most_frames": 3}
    config = replace(small_config(tmp_path), data=(DataSettings("kubric", 1.0, options),))
    for held_out, split in ((False, "train"), (True, "validation")):
        clip = clip_source(config, held_out).batch(0, 2, 0, 1)
        assert clip.images.shape[0] == 2
        assert clip.images.shape[-1] == 42
        assert f"scene_{split}" in clip.name


def test_a_dataset_that_is_not_there_is_said_before_the_run(tmp_path):
    config = replace(small_config(tmp_path), data=(DataSettings("sintel", 1.0, {"root": str(tmp_path / "no")}),))
    with pytest.raises(BadInput, match="of sintel does not exist"):
        clip_source(config)
    config = replace(config, data=(DataSettings("sintel", 1.0, {"folder": "x"}),))
    with pytest.raises(BadInput, match="folder is no setting"):
        clip_source(config)
