"""Tokens are held to plain numbers: shifts of patches and poses of cameras."""

from dataclasses import replace

import torch
from small_run import small_config
from wall_clips import WallSource

from model_server.training.config import LossSettings
from model_server.training.losses.matching import places_of, targets_of
from model_server.training.losses.telling import COMMON_FIELD, FIELD, SHIFT, TokenWatch, told_poses, told_shifts
from model_server.training.normalized import normalized
from model_server.training.optimizer import Optimizer
from model_server.training.step import Stepper
from model_server.training.trainer import built_network

PATCH = 14


def test_a_shift_leads_from_a_patch_to_where_it_is_seen_in_the_first_frame():
    truth = normalized(WallSource(3).batch(0, 2, 0, 1))
    shift, known = told_shifts(truth, PATCH)
    columns = places_of(truth, PATCH).known.shape[-1]
    grid = torch.arange(shift.shape[2])
    own = torch.stack((grid % columns, grid // columns), -1).float()
    found = targets_of(truth, PATCH)
    place = found.weights @ own
    size = own.amax(0)
    assert known.sum() > 12
    assert torch.allclose((own + shift / SHIFT).clamp(torch.zeros(2), size)[known], place[known], atol=1e-4)


def test_the_first_camera_is_told_to_stand_and_all_their_own_turn():
    truth = normalized(WallSource(3).batch(0, 2, 0, 1))
    told = told_poses(truth)
    assert torch.allclose(told[:, 0, :6], torch.zeros(2, 6), atol=1e-4)
    fields = 2 * torch.atan(truth.depth.shape[-1] / 2 / truth.intrinsics[..., 0, 0])
    assert torch.allclose(told[..., 7] / FIELD + COMMON_FIELD, fields, atol=1e-5)


def test_tokens_learn_to_tell(tmp_path):
    config = small_config(tmp_path, 60)
    config = replace(config, loss=LossSettings(depth=0, points=0, telling=1.0))
    network = built_network(config)
    optimizer = Optimizer(network, config.optimizer, config.model.middle(), 60)
    watches = {"telling": TokenWatch(network)}
    step = Stepper(network, optimizer, torch.device("cpu"), config.train, config.loss, config.mask, watches)
    clips = WallSource(3).batch(0, 4, 0, 1)
    losses = [float(step(15, iter([clips])).losses["telling"]) for _ in range(30)]
    assert losses[-1] < 0.8 * losses[0]
