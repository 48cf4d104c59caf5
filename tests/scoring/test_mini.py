"""Figures of many small clips at once, against plain ones of one clip at a time."""

import numpy as np
import pytest
import torch
from camera_errors import path_error
from filmed_scene import film
from random_network import random_network
from scipy.spatial.transform import Rotation

from model_server.engines.page4d.network.config import ModelConfig
from model_server.engines.page4d.network.network import Head
from model_server.engines.page4d.pose_encoding import decode_cameras
from model_server.scoring.mini import (
    ATE,
    FIGURES,
    MOVING_ABS_REL,
    MOVING_J,
    ROTATION,
    STILL_ABS_REL,
    differences_table,
    estimated,
    figures_table,
    joined,
    path_errors,
    score_clips,
    score_nothing,
    turn_errors,
)
from model_server.scoring.trajectory import trajectory_errors
from model_server.training.clip import Clip, stacked


def _clip(seed):
    frames = film(4, 56, 42, seed=seed)
    depth = torch.from_numpy(np.stack([frame.depth for frame in frames])).float()
    return Clip(
        images=torch.from_numpy(np.stack([frame.image for frame in frames])).permute(0, 3, 1, 2).float() / 255,
        depth=depth,
        valid=depth < 6,
        camera_from_world=torch.from_numpy(np.stack([frame.camera_from_world for frame in frames])).float(),
        intrinsics=torch.from_numpy(np.stack([frame.intrinsics for frame in frames])).float(),
        moving=torch.from_numpy(np.stack([frame.moving for frame in frames])),
    )


def _poses(seed, batch=3, frames=5):
    random = np.random.default_rng(seed)
    poses = np.tile(np.eye(4), (batch, frames, 1, 1))
    poses[..., :3, :3] = Rotation.random(batch * frames, random).as_matrix().reshape(batch, frames, 3, 3)
    poses[..., :3, 3] = random.normal(size=(batch, frames, 3))
    return poses


def test_path_errors_are_those_of_one_path_at_a_time_and_of_evo():
    found, truth = _poses(0), _poses(1)
    errors = path_errors(found, truth)
    for index in range(3):
        assert errors[index] == pytest.approx(path_error(found[index], truth[index]))
        evo = trajectory_errors(found[index], truth[index])
        extent = np.linalg.norm(np.ptp(evo.true_centers, axis=0))
        assert errors[index] == pytest.approx(evo.figures["ate"] / extent)


def test_a_path_that_is_right_in_another_world_has_no_error_and_one_that_stands_has_none_to_tell():
    truth = _poses(2)
    other = truth @ np.linalg.inv(truth[:, :1])
    other[..., :3, 3] *= 3
    assert path_errors(other, truth).max() < 1e-7
    assert turn_errors(other, truth).max() < 1e-5
    stands = truth.copy()
    stands[..., :3, 3] = 0
    assert np.isnan(path_errors(truth, stands)).all()
    # Nothing can be made of one place: all of the spread is left.
    centers = np.linalg.inv(truth)[..., :3, 3]
    spread = np.sqrt(np.square(centers - centers.mean(1, keepdims=True)).sum(2).mean(1))
    np.testing.assert_allclose(path_errors(stands, truth), spread / np.linalg.norm(np.ptp(centers, axis=1), axis=1))


def test_turns_are_told_from_the_first_frame():
    truth = _poses(3)
    found = truth.copy()
    wrong = Rotation.from_rotvec([0, 0, np.radians(3)]).as_matrix()
    found[:, 2, :3, :3] = wrong @ found[:, 2, :3, :3]  # one of four frames, by three degrees
    np.testing.assert_allclose(turn_errors(found, truth), 0.75)
    found[:, 0, :3, :3] = wrong @ truth[:, 0, :3, :3]  # the first one: all others are off by it
    found[:, 2] = truth[:, 2]
    np.testing.assert_allclose(turn_errors(found, truth), 3)


def test_figures_of_a_batch_are_those_of_its_clips():
    network, clips = random_network(ModelConfig.tiny()), [_clip(seed) for seed in range(3)]
    figures = score_clips(network, 64.0, stacked(clips))
    assert set(figures) == set(FIGURES)
    for index, clip in enumerate(clips):
        with torch.inference_mode():
            said = network(clip.images[None], 64.0, (Head.CAMERA, Head.DEPTH))
        cameras, _ = decode_cameras(said.poses[-1, 0].double().numpy(), 56, 42)
        truth = clip.camera_from_world.double().numpy()
        assert figures[ATE][index] == pytest.approx(100 * path_error(cameras, truth), rel=1e-3)
        turns = [
            np.degrees(Rotation.from_matrix(a @ cameras[0, :3, :3].T @ truth[0, :3, :3] @ b.T).magnitude())
            for a, b in zip(cameras[1:, :3, :3], truth[1:, :3, :3])
        ]
        assert figures[ROTATION][index] == pytest.approx(np.mean(turns), rel=1e-3)
        depth, valid, moving = said.depth[0].numpy(), clip.valid.numpy(), clip.moving.numpy()
        scale = np.median(clip.depth.numpy()[valid]) / np.median(depth[valid])
        errors = np.abs(scale * depth - clip.depth.numpy()) / clip.depth.numpy()
        assert figures[STILL_ABS_REL][index] == pytest.approx(errors[valid & ~moving].mean(), rel=1e-2)
        assert figures[MOVING_ABS_REL][index] == pytest.approx(errors[valid & moving].mean(), rel=1e-2)
        assert 0 <= figures[MOVING_J][index] <= 1


def test_the_mask_is_where_keys_are_below_zero_and_without_one_there_is_no_overlap():
    """All keys turned below zero: everything moves, and J is the share of what does."""
    network, clips = random_network(ModelConfig.tiny()), stacked([_clip(0), _clip(1)])
    network.aggregator.mask_head.score.bias.fill_(-1e3)
    share = clips.moving.flatten(1).float().mean(1)
    np.testing.assert_allclose(score_clips(network, 64.0, clips)[MOVING_J], share, rtol=1e-5)
    assert np.isnan(score_clips(network, 0.0, clips)[MOVING_J]).all()


def test_an_interval_holds_the_mean_of_normal_values_about_as_often_as_it_says():
    random = np.random.default_rng(0)
    held = 0
    for _ in range(200):
        estimate = estimated(random.normal(1.0, 2.0, 60), draws=400)
        held += estimate.low <= 1 <= estimate.high
    assert 0.88 <= held / 200 <= 0.99


def test_values_that_are_not_known_are_left_out_and_of_none_there_is_no_mean():
    estimate = estimated(np.array([1.0, np.nan, 3.0]))
    assert (estimate.mean, estimate.count) == (2, 2)
    assert estimated(np.full(3, np.nan)) is None


def test_tables_pair_the_clips():
    """Two models that differ by much less than the clips do: only the paired difference shows it."""
    clips = 10 + 5 * np.random.default_rng(0).normal(size=100)
    unknown = np.full(100, np.nan)
    first = {ATE: clips, ROTATION: unknown, STILL_ABS_REL: unknown, MOVING_ABS_REL: unknown, MOVING_J: unknown}
    models = {"first": first, "second": first | {ATE: clips - 0.1}}
    table, differences = figures_table("moving", models), differences_table("moving", models)
    assert table[0] == "| moving | clips | first | second |"
    assert len(table) == 3
    assert "| 100 |" in table[2]
    assert "second - first" in differences[0]
    assert differences[2].endswith("-0.1 [-0.1, -0.1] * |")
    assert differences_table("moving", {"first": first}) == []


def test_batches_are_joined_in_order():
    parts = [{ATE: np.array([1.0, 2.0])}, {ATE: np.array([3.0])}]
    assert joined(parts)[ATE].tolist() == [1, 2, 3]


def test_who_knows_nothing_is_off_by_what_the_camera_turns():
    clips = stacked([_clip(3), _clip(4)])
    figures = score_nothing(clips)
    truth = clips.camera_from_world.double().numpy()
    turns = Rotation.from_matrix((truth[:, 1:, :3, :3] @ np.swapaxes(truth[:, :1, :3, :3], 2, 3)).reshape(-1, 3, 3))
    assert figures[ROTATION] == pytest.approx(np.degrees(turns.magnitude()).reshape(2, -1).mean(1))
    assert np.isnan(figures[ATE]).all()
    assert np.isnan(figures[MOVING_J]).all()
    valid = clips.valid[0] & ~clips.moving[0]
    scale = clips.depth[0][clips.valid[0]].median()
    still = ((scale - clips.depth[0][valid]).abs() / clips.depth[0][valid]).mean()
    assert figures[STILL_ABS_REL][0] == pytest.approx(float(still), rel=1e-4)
