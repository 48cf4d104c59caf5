"""One step of learning does what it should, and only that."""

import math
from dataclasses import replace

import pytest
import torch
from small_run import FAST, SOURCES, small_config
from wall_clips import WallSource

from model_server.training.config import GroupSettings, LossSettings, MaskSettings, OptimizerSettings
from model_server.training.optimizer import Optimizer
from model_server.training.running_mean import RunningMean
from model_server.training.schedules import learning_rate, mask_alpha
from model_server.training.step import Stepper
from model_server.training.trainer import built_network, train

CPU = torch.device("cpu")


def stepper(tmp_path, **changes):
    config = small_config(tmp_path, **changes)
    network = built_network(config)
    optimizer = Optimizer(network, config.optimizer, config.model.middle(), config.train.steps)
    return network, optimizer, Stepper(network, optimizer, CPU, config.train, config.loss, config.mask, {})


def weights(network):
    return {name: parameter.detach().clone() for name, parameter in network.named_parameters()}


def test_two_halves_added_up_are_the_whole(tmp_path):
    found = []
    for batch, accumulation in ((4, 1), (2, 2)):
        network, _, step = stepper(tmp_path, batch=batch, accumulation=accumulation)
        clips = (WallSource().batch(index, batch, 0, 1) for index in range(accumulation))
        result = step(3, clips)
        found.append((weights(network), float(result.gradient), float(result.losses["loss"])))
    assert found[0][1] == pytest.approx(found[1][1], rel=1e-4)
    assert found[0][2] == pytest.approx(found[1][2], rel=1e-5)
    for name, tensor in found[0][0].items():
        assert torch.allclose(tensor, found[1][0][name], atol=2e-5), name


def test_the_gradient_is_shortened_before_the_one_step(tmp_path):
    """AdamW forgets a gradient's length, so what is looked at is what it was given."""
    _, optimizer, step = stepper(tmp_path, clip=0.01)
    given = []
    optimizer.adam.step = lambda: given.append(
        torch.stack([p.grad.norm() for p in optimizer.parameters.values() if p.grad is not None]).norm()
    )
    result = step(0, iter([WallSource().batch(0, 2, 0, 1)]))
    assert len(given) == 1
    assert float(result.gradient) > 0.1
    assert float(given[0]) == pytest.approx(0.01, rel=1e-3)


def test_a_gradient_that_is_not_finite_changes_nothing_and_is_counted(tmp_path):
    network, optimizer, step = stepper(tmp_path)
    step(2, iter([WallSource().batch(0, 2, 0, 1)]))
    before = weights(network)
    moments = {name: {k: v.clone() for k, v in state.items()} for name, state in optimizer.moments()}
    clips = WallSource().batch(1, 2, 0, 1)
    clips.images[0, 0, 0, 0, 0] = float("nan")
    assert step(3, iter([clips])).skipped
    for name, tensor in weights(network).items():
        assert torch.equal(tensor, before[name])
    for name, state in optimizer.moments():
        assert all(torch.equal(value, moments[name][key]) for key, value in state.items())
    assert all(parameter.grad is None for parameter in network.parameters())

    class Source(WallSource):
        def batch(self, step, size, rank, world):
            found = super().batch(step, size, rank, world)
            return replace(found, images=found.images * (float("nan") if step == 1 else 1))

    outcome = train(small_config(tmp_path / "run", 3), sources=replace(SOURCES, learned=Source()))
    assert outcome.progress.skipped == 1


def test_rates_rise_and_fall_by_group(tmp_path):
    slow = GroupSettings(2e-5, 0.15, 0.02)
    rates = [learning_rate(step, 1000, slow) for step in range(1000)]
    assert rates[0] == pytest.approx(1e-8)
    assert rates[75] == pytest.approx((1e-8 + 2e-5) / 2, rel=1e-6)
    assert rates[150] == pytest.approx(2e-5)
    assert rates[150 + 425] == pytest.approx((1e-8 + 2e-5) / 2, rel=1e-6)
    assert rates[:151] == sorted(rates[:151])
    assert rates[150:] == sorted(rates[150:], reverse=True)
    config = small_config(tmp_path)
    settings = OptimizerSettings(slow, FAST, GroupSettings(5e-4, 0.0, 0.1), GroupSettings(5e-5, 0.0, 0.2))
    optimizer = Optimizer(built_network(config), settings, config.model.middle(), 100)
    optimizer.step(15)
    groups = {group["name"]: (group["lr"], group["weight_decay"]) for group in optimizer.adam.param_groups}
    assert groups["mask_head"] == (pytest.approx(2e-5), 0.02)
    assert groups["rest"][1] == 0.1
    assert groups["blocks"][0] == learning_rate(15, 100, FAST)
    assert groups["pose"][1] == 0.2
    (pose,) = [group["params"] for group in optimizer.adam.param_groups if group["name"] == "pose"]
    assert [tuple(parameter.shape) for parameter in pose] == [(9, 48)]


def test_the_mask_stays_or_fades_as_the_paper_says():
    fades = MaskSettings(64.0, always=False, hold=6000, end=10000)
    assert [mask_alpha(step, fades) for step in (0, 5999, 10000, 20000)] == [64, 64, 0, 0]
    assert mask_alpha(8000, fades) == pytest.approx(32)
    assert mask_alpha(7000, fades) == pytest.approx(32 * (1 + math.cos(math.pi / 4)))
    assert mask_alpha(10**6, MaskSettings(16.0)) == 16


def test_a_head_without_weight_is_not_there(tmp_path):
    config = replace(small_config(tmp_path), loss=LossSettings(points=0.0))
    names = {name.split(".")[0] for name, _ in built_network(config).named_parameters()}
    assert names == {"backbone", "aggregator", "camera_head", "depth_head"}


def test_the_running_mean_is_one_and_gives_the_weights_back():
    parameter = torch.nn.Parameter(torch.tensor([1.0]))
    mean = RunningMean({"x": parameter}, 0.75)
    for value in (5.0, 9.0):
        parameter.data.fill_(value)
        mean.update()
    assert float(mean.means["x"]) == pytest.approx(0.75 * (0.75 * 1 + 0.25 * 5) + 0.25 * 9)
    with mean.in_place():
        assert torch.equal(parameter.detach(), mean.means["x"])
    assert float(parameter.detach()) == 9


def test_half_precision_is_near(tmp_path):
    from model_server.training.config import Precision

    losses = []
    for precision in (Precision.FLOAT32, Precision.BF16):
        config = small_config(tmp_path)
        config = replace(config, train=replace(config.train, precision=precision))
        network = built_network(config)
        optimizer = Optimizer(network, config.optimizer, config.model.middle(), 6)
        step = Stepper(network, optimizer, CPU, config.train, config.loss, config.mask, {})
        losses.append(float(step(0, iter([WallSource().batch(0, 2, 0, 1)])).losses["loss"]))
        assert {p.dtype for p in network.parameters()} == {torch.float32}
    assert losses[0] != losses[1]
    assert losses[1] == pytest.approx(losses[0], rel=0.02)
