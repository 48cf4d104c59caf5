"""What learns is what was published, and nothing else gets gradients."""

import torch
from wall_clips import WallSource

from model_server.engines.page4d.network.config import ModelConfig
from model_server.engines.page4d.network.network import Head, Page4DNetwork
from model_server.training.config import Freeze, ModelSettings, Size
from model_server.training.freezing import freeze
from model_server.training.initial_weights import initialize
from model_server.training.optimizer import group_of


def test_the_published_set_is_counted():
    with torch.device("meta"):
        network = Page4DNetwork(ModelConfig.released(track=False))
    freeze(network, Freeze.PUBLISHED, ModelSettings(Size.RELEASED).middle())
    parameters = list(network.parameters())
    assert sum(p.numel() for p in parameters) == 1_190_869_017
    assert sum(p.numel() for p in parameters if p.requires_grad) == 252_243_457
    groups = {group_of(n, range(10, 20)) for n, p in network.named_parameters() if p.requires_grad}
    assert groups == {"mask_head", "blocks"}


def test_only_the_middle_of_the_mini_network_gets_gradients_and_is_in_training_mode():
    settings = ModelSettings(Size.MINI)
    network = Page4DNetwork(settings.network(), (Head.CAMERA,))
    initialize(network, settings, 1)
    freeze(network, Freeze.PUBLISHED, settings.middle())
    network(WallSource().batch(0, 1, 0, 1).images, 64.0, (Head.CAMERA,)).poses.sum().backward()
    learning = {n for n, p in network.named_parameters() if p.grad is not None}
    assert {n.split(".")[1] + "." + n.split(".")[2] for n in learning if "mask" not in n} == {
        f"{kind}_blocks.{index}" for kind in ("frame", "global") for index in (3, 4, 5, 6)
    }
    assert sum("mask_head" in n for n in learning) == 6
    aggregator = network.aggregator
    assert aggregator.mask_head.training
    assert aggregator.frame_blocks[3].attn.qkv.training
    assert not aggregator.frame_blocks[2].training
    assert not network.backbone.training
    assert not network.camera_head.trunk[0].training


def test_without_a_mask_the_same_blocks_learn():
    settings = ModelSettings(Size.MINI, mask=False)
    with torch.device("meta"):
        network = Page4DNetwork(settings.network())
    freeze(network, Freeze.PUBLISHED, settings.middle())
    learning = {n for n, p in network.named_parameters() if p.requires_grad}
    assert {int(n.split(".")[2]) for n in learning} == {3, 4, 5, 6}


def test_all_learns_but_what_nothing_reads():
    with torch.device("meta"):
        network = Page4DNetwork(ModelConfig.mini())
    freeze(network, Freeze.NONE, range(3, 7))
    assert [n for n, p in network.named_parameters() if not p.requires_grad] == ["backbone.mask_token"]
