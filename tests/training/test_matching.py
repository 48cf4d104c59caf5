"""Attention is held to where patches are in the first frame, and a network that is told so finds them."""

from dataclasses import replace

import pytest
import torch
from small_run import SOURCES, small_config
from wall_clips import WallSource

from model_server.engines.page4d.network import transformer
from model_server.engines.page4d.network.network import Head, Page4DNetwork
from model_server.training.config import LossSettings, ModelSettings, Size
from model_server.training.initial_weights import initialize
from model_server.training.losses.matching import AttentionWatch, Targets, cross_entropy, targets_of
from model_server.training.normalized import normalized
from model_server.training.optimizer import Optimizer
from model_server.training.step import Stepper
from model_server.training.synthetic.draw import SceneSettings, draw_clips
from model_server.training.trainer import built_network, train

PATCH, ROWS, COLUMNS = 14, 2, 3


def clips(size=2):
    return WallSource(3).batch(0, size, 0, 1)


def test_targets_are_where_a_patch_is_seen_in_the_first_frame():
    truth = normalized(clips())
    targets = targets_of(truth, PATCH)
    grid = torch.stack(torch.meshgrid(torch.arange(COLUMNS), torch.arange(ROWS), indexing="xy"), -1).flatten(0, 1)
    seen = 0
    for clip in range(2):
        for frame in (1, 2):
            for number, (column, row) in enumerate(grid.tolist()):
                x, y = PATCH * column + PATCH // 2, PATCH * row + PATCH // 2
                camera = truth.camera_from_world[clip, frame].double()
                ray = torch.tensor([x + 0.5, y + 0.5, 1]).double()
                local = torch.linalg.inv(truth.intrinsics[clip, frame].double()) @ ray * truth.depth[clip, frame, y, x]
                world = camera[:3, :3].T @ (local - camera[:3, 3])
                place = truth.intrinsics[clip, 0].double() @ world
                place = place[:2] / place[2] / PATCH - 0.5
                size = torch.tensor([COLUMNS, ROWS])
                known = bool(((place > -0.5) & (place < size - 0.5)).all())
                assert bool(targets.known[clip, frame - 1, number]) == known
                if known:
                    found = targets.weights[clip, frame - 1, number].double()
                    assert float(found.sum()) == pytest.approx(1, abs=1e-5)
                    assert torch.allclose(found @ grid.double(), place.clamp(torch.zeros(2), size - 1), atol=1e-3)
                    seen += 1
    assert seen > 12


def test_nothing_is_asked_of_what_is_not_known():
    weights = torch.softmax(torch.randn(1, 1, 4, 4, generator=torch.Generator().manual_seed(0)), -1)
    known = torch.tensor([[[True, True, False, True]]])
    perfect = weights[:, :, None].log()
    entropy = -(weights * weights.log()).sum(-1)[known].mean()
    assert float(cross_entropy(perfect, Targets(weights, known))) == pytest.approx(float(entropy), rel=1e-5)
    wrong = perfect.clone()
    wrong[..., 2, :] = -50.0
    assert float(cross_entropy(wrong, Targets(weights, known))) == pytest.approx(float(entropy), rel=1e-5)
    assert float(cross_entropy(perfect, Targets(weights, known & False))) == 0


def test_what_is_watched_is_the_attention_that_the_network_computes(monkeypatch):
    network = built(Size.TINY)
    watch, batch = AttentionWatch(network), clips()
    truth = normalized(batch)
    seen = []
    plain = transformer._attended

    def recorded(q, k, v, mask=None):
        if q.shape[2] == 3 * (5 + ROWS * COLUMNS):
            seen.append((q @ k.transpose(-1, -2) * q.shape[-1] ** -0.5).softmax(-1))
        return plain(q, k, v, mask)

    monkeypatch.setattr(transformer, "_attended", recorded)
    with torch.no_grad():
        network(batch.images, 0.0, (Head.CAMERA,))
    targets, count, expected = targets_of(truth, PATCH), 5 + ROWS * COLUMNS, []
    for attention in seen[::2]:
        for clip in range(2):
            for frame in (1, 2):
                rows = attention[clip, -2:, frame * count + 5 : (frame + 1) * count, 5:count]
                each = -(rows.log() * targets.weights[clip, frame - 1]).sum(-1)
                expected.append(each[:, targets.known[clip, frame - 1]].flatten())
    assert len(seen) == 6
    assert float(watch.loss(truth)) == pytest.approx(float(torch.cat(expected).mean()), rel=1e-4)


def test_a_random_network_that_begins_alike_finds_more_than_one_that_does_not():
    batch = draw_clips(range(16), SceneSettings(frames=2, moving_share=0.0))
    truth, found = normalized(batch), []
    for alike in (False, True):
        network = built(Size.MINI, alike)
        watch = AttentionWatch(network)
        with torch.no_grad():
            network(batch.images, 0.0, (Head.CAMERA,))
        found.append(float(watch.loss(truth)))
    assert found[1] < found[0] - 0.1


def test_matching_is_learned(tmp_path):
    config = small_config(tmp_path, steps=30)
    config = replace(config, loss=LossSettings(depth=0, points=0, matching=1.0))
    network = built_network(config)
    optimizer = Optimizer(network, config.optimizer, config.model.middle(), config.train.steps)
    step = Stepper(
        network,
        optimizer,
        torch.device("cpu"),
        config.train,
        config.loss,
        config.mask,
        {"matching": AttentionWatch(network)},
    )
    losses = [float(step(15, iter([clips(4)])).losses["matching"]) for _ in range(30)]
    assert losses[-1] < losses[0] - 0.3


def test_a_run_tells_its_matching(tmp_path):
    config = small_config(tmp_path, steps=2)
    train(replace(config, loss=LossSettings(depth=0, points=0, matching=0.5)), sources=SOURCES)
    assert '"matching"' in (config.output / "log.jsonl").read_text()


def built(size, alike=False):
    network = Page4DNetwork(ModelSettings(size, mask=False).network(), (Head.CAMERA,))
    initialize(network, ModelSettings(size, mask=False, layer_scale=0.3, alike=alike), 1)
    return network
