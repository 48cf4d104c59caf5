"""The network as a predictor, and networks from files."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from random_network import random_network
from safetensors.torch import save_file

from model_server.engines.page4d.network.config import ModelConfig
from model_server.engines.page4d.network.network import Head
from model_server.engines.page4d.network.precision import Precision
from model_server.engines.page4d.pose_encoding import decode_cameras
from model_server.engines.page4d.weights.layout import WrongWeights
from model_server.errors import BadInput
from model_server.scoring.network_file import SIZES, network_of_file
from model_server.scoring.network_predictor import NetworkPredictor
from model_server.scoring.open_weights import open_weights

TINY = replace(ModelConfig.tiny(), track=None)


@pytest.fixture(scope="module")
def network():
    return random_network(TINY)


@pytest.fixture(scope="module")
def images():
    return torch.rand(10, 3, 42, 56, generator=torch.Generator().manual_seed(0))


def _saved(path, network, dtype=torch.float32, record=None, without=()):
    tensors = {n: t.to(dtype).contiguous() for n, t in network.state_dict().items() if not n.startswith(without)}
    save_file(tensors, path, metadata=None if record is None else {"page4d_training": json.dumps(record)})
    return path


def _predictor(network, strength=64.0, with_points=True):
    return NetworkPredictor("tiny", network, 70, strength, Precision.full(), with_points)


def test_a_clip_is_what_one_pass_of_the_network_says(network, images):
    clip = _predictor(network)(images)
    with torch.inference_mode():
        said = network(images[None], 64.0, tuple(Head))
    cameras, intrinsics = decode_cameras(said.poses[-1, 0].double().numpy(), 56, 42)
    np.testing.assert_allclose(clip.camera_from_world, cameras, atol=1e-5)
    np.testing.assert_allclose(clip.intrinsics, intrinsics, rtol=1e-4)
    np.testing.assert_allclose(clip.depth, said.depth[0], rtol=1e-4)
    np.testing.assert_allclose(clip.world_points(), said.points[0], rtol=1e-3, atol=1e-5)


def test_what_moves_is_where_the_keys_are_below_zero(network, images):
    """In the middle of a patch nothing but its own key counts."""
    clip = _predictor(network)(images[:, :, :, :42])
    with torch.inference_mode():
        keys = network(images[None, :, :, :, :42], 64.0).keys[0].numpy()
    # A patch has no pixel in its middle; the four around it are half a pixel off, 1/28 of the way to the next patch.
    middle = (clip.motion[:, 6::14, 6::14] + clip.motion[:, 7::14, 7::14]) / 2
    np.testing.assert_allclose(middle[:, 1, 1], 0.5 - keys[:, 1, 1], atol=0.05)
    assert clip.motion.min() >= 0
    assert clip.motion.max() <= 1


def test_without_the_mask_nothing_is_said_of_motion(network, images):
    predictor = _predictor(network, strength=0.0)
    assert not predictor.knows_motion
    assert predictor(images[:2]).motion is None
    assert _predictor(network).knows_motion
    assert not _predictor(random_network(replace(TINY, mask=None))).knows_motion


def test_points_are_those_of_depth_and_cameras_where_no_head_says_them(network, images):
    clip = _predictor(network, with_points=False)(images[:2])
    assert clip.points is None
    ray = np.linalg.inv(clip.intrinsics[1]) @ [20.5, 30.5, 1]
    seen = np.linalg.inv(clip.camera_from_world[1]) @ [*(clip.depth[1, 30, 20] * ray), 1]
    np.testing.assert_allclose(clip.world_points()[1, 30, 20], seen[:3], rtol=1e-5)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16])
def test_a_file_is_loaded_whatever_its_precision(tmp_path, network, images, dtype):
    found = network_of_file(_saved(tmp_path / "tiny.safetensors", network, dtype))
    assert found.long_side == 70
    assert found.strength == 64
    assert {p.dtype for p in found.network.parameters()} == {torch.float32}
    ours, theirs = (_predictor(each)(images[:2]) for each in (found.network, network))
    np.testing.assert_allclose(ours.depth, theirs.depth, rtol=1e-6 if dtype is torch.float32 else 0.05)


def test_a_file_says_how_strong_its_mask_was_and_whether_it_has_one(tmp_path, network):
    record = {"step": 5, "alpha": 12.0}
    assert network_of_file(_saved(tmp_path / "a.safetensors", network, record=record)).strength == 12
    bare = network_of_file(
        _saved(tmp_path / "b.safetensors", network, without=("aggregator.mask_head.", "points_head."))
    )
    assert bare.strength == 0
    assert bare.network.config.mask is None
    assert not hasattr(bare.network, "points_head")


def test_every_size_is_told_by_its_file(tmp_path):
    positions = {(size.config.backbone.grid, size.config.backbone.dim) for size in SIZES}
    assert len(positions) == len(SIZES)
    network = random_network(ModelConfig.mini())
    found = network_of_file(_saved(tmp_path / "mini.safetensors", network, torch.float16))
    assert found.long_side == 112
    assert found.network.config == ModelConfig.mini()


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda tensors: {"x": torch.zeros(1)}, "position_embedding as None"),
        (lambda tensors: {n: t for n, t in tensors.items() if n != "camera_head.token_norm.bias"}, "token_norm.bias"),
        (lambda tensors: {n: t for n, t in tensors.items() if not n.startswith("depth_head.")}, "no weights for depth"),
        (lambda tensors: tensors | {"camera_head.token_norm.bias": torch.zeros(3)}, r"\(3,\), not"),
    ],
)
def test_a_file_of_another_network_is_named(tmp_path, network, spoil, said):
    save_file(spoil(dict(network.state_dict())), tmp_path / "other.safetensors")
    with pytest.raises(WrongWeights, match=said) as caught:
        network_of_file(tmp_path / "other.safetensors")
    assert "other.safetensors" in caught.value.message


def test_what_is_no_safetensors_file_is_named(tmp_path):
    (tmp_path / "text.safetensors").write_text("no weights")
    with pytest.raises(WrongWeights, match=r"text\.safetensors can't be read"):
        network_of_file(tmp_path / "text.safetensors")


def test_weights_are_opened_by_file_and_what_is_neither_file_nor_name_is_named(tmp_path, network):
    path = _saved(tmp_path / "tiny.safetensors", network)
    assert open_weights(str(path), with_points=True).name == "tiny"
    with pytest.raises(BadInput, match="'nothing'") as caught:
        open_weights("nothing", with_points=False)
    assert "weights download" in caught.value.hint
