"""Everything the network saves is the same as the plain way (`plain_network`), and the parts do what they are for."""

from dataclasses import replace

import pytest
import torch
from plain_network import PLAIN, TORCH, plain_forward
from random_network import random_network
from tolerances import NETWORK_RELATIVE

from model_server.engines.page4d.network.config import ModelConfig
from model_server.engines.page4d.network.names import our_name
from model_server.engines.page4d.network.network import Head, Page4DNetwork
from model_server.engines.page4d.network.precision import Precision, store_weights

STRENGTH = 64.0
ALL = tuple(Head)


@pytest.fixture(scope="module")
def network() -> Page4DNetwork:
    return random_network(ModelConfig.tiny())


@pytest.fixture(scope="module")
def images() -> torch.Tensor:
    return torch.rand(2, 3, 3, 42, 70, generator=torch.Generator().manual_seed(1))


def off_by(a: torch.Tensor, b: torch.Tensor) -> float:
    """Largest difference, in parts of b's size; as shared/model/check_parity.py measures it."""
    return float(((a - b).abs() / (b.abs() + b.square().mean().sqrt())).max())


@torch.inference_mode()
@pytest.mark.parametrize("strength", [0.0, STRENGTH])
def test_all_heads_equal_the_plain_way(network, images, strength):
    ours, plain = network(images, strength, ALL), plain_forward(network, images, strength)
    assert ours.keys is None if not strength else off_by(ours.keys, plain["keys"]) < NETWORK_RELATIVE
    for name in ("poses", "depth", "depth_confidence", "points", "points_confidence"):
        assert off_by(getattr(ours, name), plain[name]) < NETWORK_RELATIVE, name


@torch.inference_mode()
def test_what_the_benchmark_measures_beside_ours_is_the_same_network(network, images):
    plain, fused = (plain_forward(network, images, STRENGTH, operations) for operations in (PLAIN, TORCH))
    assert off_by(fused["depth"], plain["depth"]) < NETWORK_RELATIVE
    assert off_by(fused["poses"], plain["poses"]) < NETWORK_RELATIVE


@torch.inference_mode()
def test_the_mask_changes_the_cameras(network, images):
    masked, plain = network(images, STRENGTH), network(images, 0.0)
    assert off_by(masked.poses, plain.poses) > 100 * NETWORK_RELATIVE


@torch.inference_mode()
def test_frames_at_once_and_heads_left_out_change_nothing(network, images):
    whole = network(images, STRENGTH, ALL, frames_at_once=6)
    one = network(images, STRENGTH, ALL, frames_at_once=1)
    less = network(images, STRENGTH, (Head.DEPTH,))
    assert off_by(one.points, whole.points) < NETWORK_RELATIVE
    assert off_by(less.depth, whole.depth) < NETWORK_RELATIVE
    assert less.poses is None
    assert less.points is None


@torch.inference_mode()
def test_a_window_of_the_batch_knows_nothing_of_the_others(network, images):
    both, second = network(images, STRENGTH), network(images[1:], STRENGTH)
    assert off_by(both.poses[:, 1:], second.poses) < NETWORK_RELATIVE
    assert off_by(both.depth[1:], second.depth) < NETWORK_RELATIVE


@torch.inference_mode()
def test_kept_tokens_of_the_backbone_serve_as_well(network, images):
    patches = torch.stack([torch.cat([network.backbone(frame[None]) for frame in window]) for window in images])
    again = network.from_patches(patches, (3, 5), STRENGTH)
    assert off_by(again.depth, network(images, STRENGTH).depth) < NETWORK_RELATIVE


@torch.inference_mode()
def test_later_frames_may_come_in_any_order(network, images):
    ahead = network(images, STRENGTH)
    turned = network(images[:, [0, 2, 1]], STRENGTH)
    assert off_by(turned.depth[:, [0, 2, 1]], ahead.depth) < NETWORK_RELATIVE


@torch.inference_mode()
def test_weights_kept_in_half_precision_cost_little(images):
    network = random_network(ModelConfig.tiny())
    full = network(images, STRENGTH)
    store_weights(network, torch.bfloat16)
    assert network.aggregator.frame_blocks[0].attn.qkv.weight.dtype is torch.bfloat16
    assert network.aggregator.frame_blocks[0].norm1.weight.dtype is torch.float32
    for compute in (torch.float32, torch.bfloat16):
        with torch.autocast("cpu", torch.bfloat16, enabled=compute is torch.bfloat16):
            half = network(images, STRENGTH)
        assert half.depth.dtype is torch.float32
        assert float((half.depth / full.depth - 1).abs().median()) < 0.02
        # Rounding averages out over the width, and this network is 20 times as narrow: see `make parity` for 2 %.
        assert float((half.poses[-1] - full.poses[-1]).norm() / full.poses[-1].norm()) < 0.05


def test_a_processor_is_asked_before_half_precision_is_multiplied():
    best = Precision.best_for(torch.device("cpu"))
    assert best.storage is torch.bfloat16
    fast = torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()
    assert best.compute is (torch.bfloat16 if fast else torch.float32)


@torch.inference_mode()
def test_tracks_start_at_the_queries_and_need_a_picture_large_enough(network):
    images = torch.rand(1, 4, 3, 70, 98, generator=torch.Generator().manual_seed(2))
    queries = torch.tensor([[[10.0, 20.0], [97.0, 3.0], [50.5, 60.25]]])
    tracks = network(images, 0.0, (), queries).tracks
    assert tracks.positions.shape == (1, 4, 3, 2)
    assert torch.allclose(tracks.positions[:, 0], queries)
    assert ((tracks.visibility > 0) & (tracks.visibility < 1)).all()
    deep = random_network(replace(ModelConfig.tiny(), track=replace(ModelConfig.tiny().track, levels=7)))
    with pytest.raises(ValueError, match="64 or more cells"):
        deep(images, 0.0, (), queries)


def test_pictures_that_are_not_whole_patches_are_refused(network):
    with pytest.raises(ValueError, match="71 x 42"):
        network(torch.rand(1, 1, 3, 42, 71))


def test_a_network_without_mask_or_track_head_has_no_such_weights():
    bare = Page4DNetwork(replace(ModelConfig.tiny(), mask=None, track=None), (Head.CAMERA, Head.DEPTH))
    names = {name.split(".")[0] for name in bare.state_dict()}
    assert names == {"backbone", "aggregator", "camera_head", "depth_head"}
    assert not [name for name in bare.state_dict() if "mask_head" in name]


def test_every_published_name_has_one_of_ours():
    from parity import official_names

    with torch.device("meta"):
        ours = set(Page4DNetwork(ModelConfig.released()).state_dict())
    renamed = [our_name(name) for name in official_names()]
    assert len(renamed) == len(set(renamed)) == 1803
    assert set(renamed) == ours


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning:torch")  # of torch.compile's own imports
@torch.inference_mode()
def test_compiled_blocks_give_the_same(network, images):
    compiled = random_network(ModelConfig.tiny())
    compiled.compile_blocks()
    ours, plain = compiled(images, STRENGTH), network(images, STRENGTH)
    assert off_by(ours.depth, plain.depth) < NETWORK_RELATIVE
    assert off_by(ours.poses, plain.poses) < NETWORK_RELATIVE
