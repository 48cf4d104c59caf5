"""Before a run, the camera head is shown what differs between clips, and not what they share."""

from dataclasses import replace

import torch
from small_run import SOURCES, small_config

from model_server.training.config import LossSettings
from model_server.training.standardized import standardize_cameras
from model_server.training.trainer import built_network, train


def _normed(network, batches):
    seen = []
    network.camera_head.token_norm.register_forward_hook(lambda module, given, result: seen.append(result[:, 1:]))
    with torch.no_grad():
        for index in range(batches):
            network(SOURCES.learned.batch(index, 4, 0, 1).images)
    return torch.cat(seen).flatten(0, 1)


def test_every_channel_has_no_mean_and_a_spread_of_one(tmp_path):
    network = built_network(small_config(tmp_path))
    tokens = _normed(network, 8)
    assert float(tokens.mean(0).abs().max()) > 0.1
    standardize_cameras(network, SOURCES.learned, 8, 4)
    tokens = _normed(network, 8)
    assert float(tokens.mean(0).abs().max()) < 0.01
    spread = tokens.std(0)
    assert float(spread.max()) < 1.01
    assert float(spread.median()) > 0.95


def test_a_run_begins_with_it_once(tmp_path):
    plain = small_config(tmp_path / "plain", steps=1)
    config = small_config(tmp_path / "run", steps=1, standardize=2)
    assert not torch.equal(_weight(plain), _weight(config))
    with_depth_alone = replace(config, output=tmp_path / "depth", loss=LossSettings(camera=0, points=0))
    assert train(with_depth_alone, sources=SOURCES).weights is not None


def _weight(config):
    from safetensors.torch import load_file

    return load_file(train(config, sources=SOURCES).weights)["camera_head.token_norm.weight"]
