"""Where a run begins: random weights of the right spread, or those of a file."""

import pytest
import torch
from random_network import random_network
from safetensors.torch import load_file, save_file
from small_run import SOURCES, small_config

from model_server.engines.page4d.network.config import ModelConfig
from model_server.engines.page4d.network.network import Head, Page4DNetwork
from model_server.errors import BadInput
from model_server.training.config import ModelSettings, Size
from model_server.training.initial_weights import initialize, load_weights
from model_server.training.synthetic.draw import SceneSettings, draw_clips
from model_server.training.trainer import train

SETTINGS = ModelSettings(Size.TINY, layer_scale=0.3, linear_std=0.05)


def fresh(seed=1, mask=True, heads=tuple(Head)):
    network = Page4DNetwork(ModelSettings(Size.TINY, mask=mask).network(), heads)
    initialize(network, SETTINGS, seed)
    return network


def test_random_weights_have_the_spread_that_is_asked_for_and_no_parameter_is_forgotten():
    network = Page4DNetwork(SETTINGS.network())
    for parameter in network.parameters():
        torch.nn.init.constant_(parameter, float("nan"))
    initialize(network, SETTINGS, 1)
    for name, parameter in network.named_parameters():
        assert parameter.isfinite().all(), name
    qkv = network.aggregator.frame_blocks[0].attn.qkv
    assert float(qkv.weight.detach().std()) == pytest.approx(0.88 * 0.05, rel=0.05)  # cut off at two deviations
    assert float(qkv.weight.detach().abs().max()) <= 0.1
    assert not qkv.bias.any()
    assert (network.aggregator.frame_blocks[0].ls1.gamma == 0.3).all()
    assert 0 < float(network.aggregator.camera_token.detach().abs().max()) < 1e-5


def test_patches_begin_as_their_frequencies_each_about_as_strong():
    weights = fresh().backbone.patch_projection.weight.detach().flatten(1)
    filters = torch.nn.functional.normalize(weights)
    assert torch.allclose(filters @ filters.T, torch.eye(len(filters)), atol=1e-5)
    clips = draw_clips(range(8), SceneSettings())
    patches = torch.nn.functional.unfold(clips.images[:, 0], 14, stride=14) / 0.226  # about as the network sees them
    spread = (weights @ patches.transpose(0, 1).flatten(1)).std(1)
    assert float(spread.max() / spread.min()) < 12  # without making up for it: over 100
    raw = (filters @ patches.transpose(0, 1).flatten(1)).std(1)
    assert float(raw.max() / raw.min()) > 5 * float(spread.max() / spread.min())


def test_a_seed_tells_all():
    one, same, other = fresh(1), fresh(1), fresh(2)
    assert all(torch.equal(a, b) for a, b in zip(one.parameters(), same.parameters()))
    assert not torch.equal(one.camera_head.embed_pose.weight, other.camera_head.embed_pose.weight)


def test_every_camera_begins_with_a_field_of_view_that_can_learn():
    images = torch.rand(2, 3, 3, 28, 42, generator=torch.Generator().manual_seed(0))
    poses = fresh()(images, 0.0, (Head.CAMERA,)).poses
    assert (poses[..., 7:] > 0.1).all()


def test_a_file_without_a_mask_begins_one_with_it(tmp_path):
    plain, path = fresh(1, mask=False), tmp_path / "weights.safetensors"
    save_file({name: value.detach().half() for name, value in plain.named_parameters()}, path)
    network = fresh(2)
    before = network.aggregator.mask_head.mix.weight.clone()
    assert load_weights(network, path) == ("aggregator.mask_head.",)
    assert torch.equal(network.aggregator.mask_head.mix.weight, before)
    assert torch.allclose(network.depth_head.refine.weight, plain.depth_head.refine.weight, atol=1e-3)
    less = fresh(3, mask=False, heads=(Head.CAMERA,))
    assert load_weights(less, path) == ()
    head = less.camera_head.embed_pose.weight.clone()
    other = fresh(4, mask=False)
    save_file({name: value.detach() for name, value in other.named_parameters()}, path)
    assert load_weights(less, path, anew=("camera_head.",)) == ("camera_head.",)
    assert torch.equal(less.camera_head.embed_pose.weight, head)
    assert torch.equal(less.backbone.norm.weight, other.backbone.norm.weight)
    assert torch.equal(less.backbone.patch_projection.weight, other.backbone.patch_projection.weight)


def test_published_names_are_understood(tmp_path):
    from parity import official_names

    from model_server.engines.page4d.network.names import our_name

    ours = dict(random_network(ModelConfig.tiny()).named_parameters())
    theirs = {name: ours[our_name(name)].detach() for name in official_names() if our_name(name) in ours}
    save_file(theirs, tmp_path / "weights.safetensors")
    network = fresh()
    load_weights(network, tmp_path / "weights.safetensors")
    for name, parameter in network.named_parameters():
        assert torch.equal(parameter, ours[name]), name


def test_other_files_are_refused(tmp_path):
    path = tmp_path / "weights.safetensors"
    with pytest.raises(BadInput, match="can't be read"):
        load_weights(fresh(), path)
    path.write_text("no weights")
    with pytest.raises(BadInput, match="can't be read"):
        load_weights(fresh(), path)
    tensors = {name: value.detach() for name, value in fresh().named_parameters()}
    for change, said in (
        ({"backbone.norm.weight": torch.ones(7)}, "backbone.norm.weight as"),
        ({"backbone.more": torch.ones(7)}, "backbone.more"),
    ):
        save_file(tensors | change, path)
        with pytest.raises(BadInput, match=said):
            load_weights(fresh(), path)


def test_what_a_run_exports_the_next_can_begin_with(tmp_path):
    from dataclasses import replace

    from model_server.training.config import Storage

    outcome = train(small_config(tmp_path / "one", steps=2, export=Storage.FP16), sources=SOURCES)
    tensors = load_file(outcome.weights)
    assert {tensor.dtype for tensor in tensors.values()} == {torch.float16}
    config = small_config(tmp_path / "two", steps=1)
    train(replace(config, model=replace(config.model, weights=str(outcome.weights))), sources=SOURCES)
