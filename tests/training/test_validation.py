"""The figures of a look at held-out clips, on errors whose size is known."""

import math

import pytest
import torch
from wall_clips import WallSource

from model_server.engines.page4d.network.network import Prediction
from model_server.training.batches import Share
from model_server.training.figures import Means
from model_server.training.normalized import normalized
from model_server.training.pose_encoder import encode_cameras
from model_server.training.processes import Processes
from model_server.training.validation import (
    depth_error,
    figures_of,
    mask_overlap,
    rotation_error,
    trajectory_error,
)


def turn(degrees: float) -> torch.Tensor:
    a = math.radians(degrees)
    return torch.tensor([[math.cos(a), -math.sin(a), 0], [math.sin(a), math.cos(a), 0], [0, 0, 1]], dtype=torch.float64)


def test_the_truth_is_without_error():
    clips = WallSource(4).batch(0, 2, 0, 1)
    truth = normalized(clips)
    poses = encode_cameras(truth.camera_from_world, truth.intrinsics, 42, 28)
    prediction = Prediction(poses[None], 3 * truth.depth, truth.depth, keys=None)
    for figures in figures_of(prediction, truth, clips):
        assert figures.rotation_degrees < 1e-3
        assert figures.ate < 1e-5
        assert figures.abs_rel < 1e-5
        assert math.isnan(figures.moving_j)


def test_turns_between_frames_are_measured_in_degrees():
    truth = torch.stack([turn(0), turn(10), turn(30)])
    off = torch.stack([turn(0), turn(10), turn(33)])
    assert rotation_error(off, truth) == pytest.approx((0 + 3 + 3) / 3)
    assert rotation_error(truth @ turn(77), truth) == pytest.approx(0, abs=1e-6)  # another world


def test_a_path_may_lie_in_another_world_at_another_scale():
    path = torch.randn(6, 3, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    assert trajectory_error(5 * path @ turn(40) + 3, path) == pytest.approx(0, abs=1e-9)
    mirrored = path * torch.tensor([1.0, 1, -1])
    assert trajectory_error(mirrored, path) > 0.05
    square = torch.tensor([[0.0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0]], dtype=torch.float64)
    bumped = square + torch.tensor([[0.0, 0, 1], [0, 0, -1], [0, 0, 1], [0, 0, -1]]) * 0.1
    # What a plane explains is nothing of such a bump, and the scale makes it a little smaller: 1 / (1 + 0.01 / 0.5).
    scale = 0.5 / 0.51
    expected = math.sqrt(0.5 * (1 - scale) ** 2 + (0.1 * scale) ** 2) / math.sqrt(2)
    assert trajectory_error(bumped, square) == pytest.approx(expected, rel=1e-6)
    assert math.isnan(trajectory_error(path[:3] * 0, path[:3] * 0))


def test_depth_is_held_against_the_truth_at_its_own_scale():
    truth = torch.full((2, 4, 4), 2.0)
    depth = 10 * truth
    depth[0, 0, 0] = 30.0
    assert depth_error(depth, truth, truth > 0) == pytest.approx(0.5 / 32)
    assert math.isnan(depth_error(depth, truth, truth < 0))


def test_the_mask_is_held_against_what_moves():
    keys = torch.full((1, 4, 4), 0.4)
    keys[:, :, 2:] = -0.4
    moving = torch.zeros(1, 28, 28, dtype=torch.bool)
    moving[:, :, 14:] = True
    assert mask_overlap(keys, moving) == pytest.approx(1)
    moving[:, 14:] = False
    assert mask_overlap(keys, moving) == pytest.approx(0.5)
    assert math.isnan(mask_overlap(keys, moving & False))


def test_what_nobody_knows_does_not_count():
    means, here = Means(), Processes(torch.device("cpu"), Share())
    means.add({"a": 1.0, "b": float("nan"), "c": torch.tensor(2.0)})
    means.add({"a": 2.0, "b": 5.0, "c": torch.tensor(float("nan")), "d": float("nan")})
    assert means.taken(here) == {"a": 1.5, "b": 5.0, "c": 2.0}
