"""The network, written for inference, can be trained: its gradients are those of finite differences."""

import pytest
import torch
from random_network import random_network
from wall_clips import WallSource

from model_server.engines.page4d.network.config import ModelConfig
from model_server.engines.page4d.network.network import Head
from model_server.training.config import LossSettings
from model_server.training.losses.total import losses_of
from model_server.training.normalized import normalized

CLIPS = WallSource().batch(0, 1, 0, 1)
LOOKED_AT = (
    "backbone.patch_projection.weight",
    "backbone.position_embedding",
    "backbone.blocks.0.attn.qkv.weight",
    "aggregator.camera_token",
    "aggregator.frame_blocks.1.attn.q_norm.weight",
    "aggregator.global_blocks.2.attn.qkv.weight",
    "aggregator.global_blocks.3.mlp.fc1.weight",
    "aggregator.mask_head.depthwise.weight",
    "aggregator.mask_head.score.weight",
    "camera_head.pose_branch.fc2.weight",
    "depth_head.features.fusions.1.skip_unit.conv1.weight",
    "depth_head.features.projects.0.weight",
    "points_head.predict.weight",
)
BEFORE_THE_MASK = "backbone.", "aggregator.camera_token", "aggregator.frame_blocks.1."  # it looks at a detached copy


def trainable(dtype=torch.float32, seed=3):
    network = random_network(ModelConfig.tiny(), seed=seed).to(dtype)
    return network.requires_grad_(True)


def a_loss(network, strength):
    """Smooth, unlike the losses: what is tested is the network.

    Of the poses only the first: gradients stop between refinements, as they should, and differences do not.
    """
    dtype = network.backbone.cls_token.dtype
    told = network(CLIPS.images.to(dtype), strength, tuple(Head), frames_at_once=2)
    return sum(
        value.log1p().square().mean() if value.min() > 0 else value.square().mean()
        for value in (told.poses[0], told.depth, told.depth_confidence, told.points, told.points_confidence)
    )


@pytest.mark.parametrize("strength", [0.0, 16.0])
def test_gradients_are_those_of_finite_differences(strength):
    network = trainable(torch.float64)
    a_loss(network, strength).backward()
    generator, step = torch.Generator().manual_seed(1), 1e-6
    for name in LOOKED_AT:
        parameter = network.get_parameter(name)
        if "mask_head" in name and not strength:
            assert parameter.grad is None
            continue
        if strength and name.startswith(BEFORE_THE_MASK):
            continue
        way = torch.randn(parameter.shape, generator=generator, dtype=torch.float64)
        way *= parameter.detach().norm() / way.norm()
        with torch.no_grad():
            values = []
            for sign in (1, -1):
                parameter.add_(sign * step * way)
                values.append(float(a_loss(network, strength)))
                parameter.sub_(sign * step * way)
        expected = (values[0] - values[1]) / (2 * step)
        found = float((parameter.grad * way).sum())
        assert found == pytest.approx(expected, rel=1e-4, abs=1e-8 * abs(values[0])), name


def test_working_blocks_out_again_changes_no_gradient_and_keeps_far_less():
    gradients, kept = [], []
    for again in (False, True):
        network = trainable()
        if again:
            network.recompute_blocks()
        sizes = []
        with torch.autograd.graph.saved_tensors_hooks(lambda x, s=sizes: s.append(x.nbytes) or x, lambda x: x):
            tokens = network.backbone(CLIPS.images[0])
            found = network.aggregator(tokens[None], 2, 3, 16.0, {5})
        found.rounds[5].square().mean().backward()
        gradients.append({name: p.grad for name, p in network.named_parameters() if p.grad is not None})
        kept.append(sum(sizes))
    assert gradients[0].keys() == gradients[1].keys()
    for name, gradient in gradients[0].items():
        assert torch.equal(gradient, gradients[1][name]), name
    assert kept[1] < 0.3 * kept[0]


def test_the_mask_learns_through_the_cameras_alone():
    network = trainable()
    network(CLIPS.images, 16.0, (Head.CAMERA,)).poses.square().mean().backward()
    for name, parameter in network.aggregator.mask_head.named_parameters():
        assert float(parameter.grad.abs().max()) > 0, name


def test_what_inference_has_kept_does_not_stand_in_the_way_of_training():
    network = trainable()
    with torch.inference_mode():
        network(CLIPS.images, 16.0, tuple(Head))
    total, _ = losses_of(network(CLIPS.images, 16.0, tuple(Head)), normalized(CLIPS), LossSettings())
    total.backward()
    assert all(p.grad is not None for n, p in network.named_parameters() if "mask_token" not in n and "track" not in n)


@pytest.mark.parametrize("strength", [0.0, 16.0])
def test_what_is_told_is_the_same_with_gradients_and_without(strength):
    """Attention takes another way where it has to be gone back through."""
    network = trainable(torch.float64)
    with_gradients = a_loss(network, strength)
    with torch.no_grad():
        assert a_loss(network, strength).item() == pytest.approx(with_gradients.item(), rel=1e-12)
