"""Every loss is what a slow and plain way gives, and has the properties that it was made for (MODEL_SPEC 5.4)."""

import math
from dataclasses import replace

import pytest
import torch
from plain_losses import (
    plain_camera_loss,
    plain_depth_loss,
    plain_gradient_loss,
    plain_normal_loss,
    plain_points_loss,
    plain_truth,
)
from wall_clips import WallSource

from model_server.engines.page4d.network.network import Prediction
from model_server.training.config import LossSettings
from model_server.training.losses.camera import camera_loss
from model_server.training.losses.dense import depth_loss, points_loss
from model_server.training.losses.neighbors import gradient_loss, normal_loss
from model_server.training.losses.robust import filtered_mean
from model_server.training.losses.total import losses_of
from model_server.training.normalized import normalized
from model_server.training.pose_encoder import encode_cameras

CLOSE = 2e-5  # relative; float32 against float64, in another order


def clips(size=2, holes=True):
    found = WallSource(3, 13, 17).batch(0, size, 0, 1)
    if not holes:
        return found
    generator = torch.Generator().manual_seed(5)
    return replace(found, valid=torch.rand(found.valid.shape, generator=generator) < 0.8)


def noisy(truth, seed=0, size=0.2):
    """A prediction that is off everywhere."""
    generator = torch.Generator().manual_seed(seed)

    def noise(*shape):
        return size * torch.randn(*shape, generator=generator)

    height, width = truth.depth.shape[-2:]
    pose = encode_cameras(truth.camera_from_world, truth.intrinsics, width, height)
    return Prediction(
        poses=pose + noise(4, *pose.shape),
        depth=truth.depth + noise(*truth.depth.shape),
        depth_confidence=1 + noise(*truth.depth.shape).exp(),
        points=truth.points + noise(*truth.points.shape),
        points_confidence=1 + noise(*truth.depth.shape).exp(),
    )


def perfect(truth):
    height, width = truth.depth.shape[-2:]
    pose = encode_cameras(truth.camera_from_world, truth.intrinsics, width, height)
    sure = torch.full_like(truth.depth, 2.0)
    return Prediction(pose.repeat(4, 1, 1, 1), truth.depth, sure, truth.points, sure)


def test_the_truth_is_the_plain_one():
    batch = clips()
    batch.valid[1, 0] = False  # then nothing of that clip counts
    truth, plain = normalized(batch), plain_truth(batch)
    for name in ("camera_from_world", "depth", "points", "valid"):
        found, expected = getattr(truth, name).double(), getattr(plain, name).double()
        assert torch.allclose(found, expected, rtol=1e-5, atol=1e-5), name
    assert not truth.valid[1].any()
    assert truth.valid[0].any()


def test_the_mean_distance_is_one_and_the_first_camera_the_world():
    truth = normalized(clips())
    for index in range(2):
        distances = truth.points[index][truth.valid[index]].norm(dim=-1)
        assert float(distances.mean()) == pytest.approx(1, rel=1e-5)
    assert torch.allclose(truth.camera_from_world[:, 0], torch.eye(4).expand(2, 4, 4), atol=1e-6)


def test_another_world_and_another_unit_change_nothing():
    batch, scale = clips(), 37.0
    world_from_other = torch.eye(4)
    turn = torch.linalg.matrix_exp(torch.tensor([[0, -0.9, 0.3], [0.9, 0, -1.1], [-0.3, 1.1, 0]]))
    world_from_other[:3, :3], world_from_other[:3, 3] = turn, torch.tensor([40.0, -3.0, 12.0])
    cameras = batch.camera_from_world @ world_from_other
    cameras[..., :3, 3] *= scale
    other = replace(batch, depth=scale * batch.depth, camera_from_world=cameras)
    truth, again = normalized(batch), normalized(other)
    said = noisy(truth)
    loss, parts = losses_of(said, truth, LossSettings())
    other_loss, other_parts = losses_of(said, again, LossSettings())
    assert float(other_loss) == pytest.approx(float(loss), rel=1e-4)
    for name, value in parts.items():
        assert float(other_parts[name]) == pytest.approx(float(value), rel=1e-3, abs=1e-5), name
    assert torch.allclose(again.scale, scale * truth.scale, rtol=1e-5)


def test_depth_that_is_not_finite_or_far_away_is_not_valid():
    batch = clips(holes=False)
    batch.depth[0, 1, 0, :3] = torch.tensor([float("nan"), float("inf"), -1.0])
    batch.depth[0, 1, 0, 3] = 1e5  # farther than 100 mean distances
    truth = normalized(batch)
    assert not truth.valid[0, 1, 0, :4].any()
    assert truth.valid[0, 1, 0, 4:].all()
    assert truth.depth.isfinite().all()
    assert truth.points.isfinite().all()


def test_the_losses_are_the_plain_ones():
    truth = normalized(clips())
    said = noisy(truth)
    ours = camera_loss(said.poses, truth)
    assert float(ours.total) == pytest.approx(plain_camera_loss(said.poses, truth), rel=CLOSE)
    depth = depth_loss(said.depth, said.depth_confidence, truth, 0.98)
    points = points_loss(said.points, said.points_confidence, truth, 0.98)
    for found, expected in (
        (depth, plain_depth_loss(said.depth, said.depth_confidence, truth, 0.98)),
        (points, plain_points_loss(said.points, said.points_confidence, truth, 0.98)),
    ):
        assert float(found.error) == pytest.approx(expected.error, rel=CLOSE)
        assert float(found.confidence) == pytest.approx(expected.confidence, rel=10 * CLOSE)
        assert float(found.shape) == pytest.approx(expected.shape, rel=10 * CLOSE)


def test_slopes_and_normals_are_the_plain_ones_on_hostile_values():
    generator = torch.Generator().manual_seed(2)
    depth, truth = (300 * torch.randn(2, 9, 12, generator=generator) for _ in range(2))
    points, true_points = (torch.randn(2, 9, 12, 3, generator=generator) for _ in range(2))
    valid = torch.rand(2, 9, 12, generator=generator) < 0.6
    assert float(gradient_loss(depth, truth, valid)) == pytest.approx(
        plain_gradient_loss(depth, truth, valid), rel=CLOSE
    )
    assert float(normal_loss(points, true_points, valid)) == pytest.approx(
        plain_normal_loss(points, true_points, valid), rel=CLOSE
    )


def test_a_perfect_prediction_costs_what_its_doubt_costs():
    truth = normalized(clips())
    loss, parts = losses_of(perfect(truth), truth, LossSettings())
    assert float(parts["camera"]) == 0
    assert float(parts["depth_error"]) == float(parts["depth_slopes"]) == 0
    assert float(parts["points_error"]) == 0
    assert float(parts["points_normals"]) < 1e-6
    assert float(loss) == pytest.approx(-(0.06 + 0.2) * math.log(2), rel=1e-4)


def test_later_refinements_count_more():
    truth = normalized(clips())
    poses = perfect(truth).poses.repeat(1, 1, 1, 1)
    costs = []
    for step in range(4):
        off = poses.clone()
        off[step, ..., 0] += 0.3
        costs.append(float(camera_loss(off, truth).total))
    assert costs == pytest.approx([0.1 / 4 * 0.6 ** (3 - step) for step in range(4)], rel=1e-4)


def test_a_normal_does_not_depend_on_distance_and_a_slope_not_on_an_offset():
    truth = normalized(clips(holes=False))
    flat = [x.flatten(0, 1) for x in (truth.points, truth.valid, truth.depth)]
    assert float(normal_loss(3 * flat[0], flat[0], flat[1])) < 1e-6
    assert float(gradient_loss(flat[2] + 5, flat[2], flat[1])) < 1e-5


def test_confidence_is_best_where_it_is_the_error_upside_down():
    truth = normalized(clips(holes=False))
    error = 0.25
    depth = truth.depth + error

    def cost(sure):
        return float(depth_loss(depth, torch.full_like(depth, sure), truth, 1.0).confidence)

    best = 0.06 / (0.3 * error)
    assert cost(best) < min(cost(1.1 * best), cost(0.9 * best))


def test_the_largest_two_percent_are_left_out_unless_there_are_few():
    values = torch.arange(2000.0) / 100
    assert float(filtered_mean(values, 0.98)) == pytest.approx(sum(range(1959)) / 1959 / 100, rel=1e-6)
    assert float(filtered_mean(values[:1000], 0.98)) == pytest.approx(float(values[:1000].mean()), rel=1e-6)
    assert float(filtered_mean(torch.full((5000,), 3.0), 0.98)) == pytest.approx(3)
    assert float(filtered_mean(torch.tensor([1e9, 1.0]), 0.98)) == pytest.approx(50.5)
    assert float(filtered_mean(torch.zeros(0), 0.98)) == 0


def test_clips_with_few_valid_pixels_cost_nothing_and_still_have_gradients():
    batch = clips()
    few = torch.zeros_like(batch.valid)
    few[:, 0, 0, :5] = True
    truth = normalized(replace(batch, valid=few))
    said = noisy(normalized(batch))
    said = replace(said, **{n: getattr(said, n).requires_grad_() for n in ("poses", "depth", "points")})
    loss, _ = losses_of(said, truth, LossSettings())
    loss.backward()
    assert float(loss.detach()) == 0
    assert float(said.poses.grad.abs().max()) == 0


def test_losses_are_finite_and_so_are_their_gradients_at_the_truth():
    truth = normalized(clips())
    said = perfect(truth)
    leaves = {n: getattr(said, n).clone().requires_grad_() for n in ("poses", "depth", "points")}
    loss, _ = losses_of(replace(said, **leaves), truth, LossSettings())
    loss.backward()
    for leaf in leaves.values():
        assert leaf.grad.isfinite().all()
