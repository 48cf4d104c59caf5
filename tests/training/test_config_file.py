"""A run's TOML file: what it may say, and what is said about what it may not."""

from pathlib import Path

import pytest

from model_server.errors import BadInput
from model_server.training.config import Freeze, GroupSettings, Size
from model_server.training.config_file import read_config

ROOT = Path(__file__).parents[2]
GOOD = """
output = "runs/x"
[model]
size = "tiny"
[train]
steps = 10
freeze = "published"
[optimizer]
mask_head = { learning_rate = 1 }
[[data]]
kind = "walls"
frames = 3
"""


def read(tmp_path, text):
    path = tmp_path / "run.toml"
    path.write_text(text)
    return read_config(path)


def test_what_is_said_is_read_and_the_rest_is_as_published(tmp_path):
    config = read(tmp_path, GOOD)
    assert config.output == Path("runs/x")
    assert (config.model.size, config.train.freeze, config.train.steps) == (Size.TINY, Freeze.PUBLISHED, 10)
    assert config.optimizer.mask_head.learning_rate == 1.0
    assert config.optimizer.blocks == GroupSettings(1e-5, 0.05, 0.01)
    assert (config.mask.strength, config.loss.camera, config.loss.quantile) == (64.0, 5.0, 0.98)
    (data,) = config.data
    assert (data.kind, data.weight, data.options) == ("walls", 1.0, {"frames": 3})


@pytest.mark.parametrize(
    ("old", "new", "message", "hint"),
    [
        ("steps = 10", "steps = 10\nstep = 3", "train.step is no setting", "steps"),
        ("steps = 10", "steps = 'ten'", "train.steps is 'ten'", "a whole number"),
        ("steps = 10", "steps = true", "train.steps is True", "a whole number"),
        ("steps = 10", "steps = 10.5", "train.steps is 10.5", "a whole number"),
        ("steps = 10", "steps = 0", "train.steps is 0", "from 1"),
        ("steps = 10", "", "train.steps is missing", "a whole number"),
        ("steps = 10", "steps = 10\nema = 1.0", "train.ema is 1.0", "0.999"),
        ("steps = 10", "steps = 10\ncheckpointing = 1", "train.checkpointing is 1", "true or false"),
        ('"tiny"', '"huge"', "model.size is 'huge'", "released, mini, tiny"),
        ("learning_rate = 1", "learning_rate = 2", "learning_rate is 2", "from 0 to 1"),
        ("learning_rate = 1", "rate = 1", "optimizer.mask_head.rate is no setting", "learning_rate"),
        ('output = "runs/x"', "", "output is missing", "a path"),
        ('output = "runs/x"', "output = 3", "output is 3", "a path"),
        ('kind = "walls"', "", "data.kind is missing", "a text"),
        ("frames = 3", "weight = 0", "weight of the data walls is 0", "above 0"),
        ("[model]", "[mask]\nhold = 9\nend = 3\n[model]", "from step 9 to 3", "hold <= end"),
        ("[model]", "model = 3\n[model]", "no TOML", "configs"),
        ("[model]", "[loss]\ncamera=0\ndepth=0\npoints=0\n[model]", "all losses", "loss.camera"),
    ],
)
def test_what_can_not_be_is_named_with_what_to_do(tmp_path, old, new, message, hint):
    assert old in GOOD
    with pytest.raises(BadInput) as caught:
        read(tmp_path, GOOD.replace(old, new))
    assert message in caught.value.message
    assert hint in caught.value.hint


def test_no_data_and_no_file(tmp_path):
    with pytest.raises(BadInput, match="names no data"):
        read(tmp_path, GOOD.split("[[data]]")[0])
    with pytest.raises(BadInput, match="can't be read"):
        read_config(tmp_path / "none.toml")


@pytest.mark.parametrize("path", sorted((ROOT / "model_server/training/configs").glob("*.toml")), ids=lambda p: p.stem)
def test_the_configurations_that_ship_are_whole(path):
    assert read_config(path).train.steps > 0


def test_the_two_minis_differ_in_the_mask_alone():
    from dataclasses import replace

    with_mask, without = (
        read_config(ROOT / f"model_server/training/configs/{name}.toml") for name in ("mini_mask", "mini_no_mask")
    )
    model, optimizer = (
        replace(without.model, mask=True),
        replace(without.optimizer, mask_head=with_mask.optimizer.mask_head),
    )
    assert replace(without, model=model, optimizer=optimizer, output=with_mask.output) == with_mask
