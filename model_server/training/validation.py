"""How well the network does on clips that it does not learn from: its losses and a few plain figures.

The figures that are published come from `model_server.scoring`; these are to see a run get better, or not.
"""

from dataclasses import dataclass

import numpy as np
import torch
from scipy.spatial.transform import Rotation
from torch import Tensor
from torch.nn import functional

from model_server.engines.page4d.network.network import Prediction
from model_server.engines.page4d.pose_encoding import decode_cameras
from model_server.engines.page4d.similarity_fit import closed_form
from model_server.training.clip import Clip
from model_server.training.normalized import Truth

_NO_PATH = 1e-9  # mean distances of the clip: a camera that goes no farther stands
_MOVING = 0.5  # of motion, which is 0.5 - the mask's key


@dataclass(frozen=True)
class Figures:
    """One clip's; NaN where nobody knows."""

    rotation_degrees: float  # mean error of the turn between any two frames
    ate: float  # camera centers after the best Sim(3), as a share of the path's extent
    abs_rel: float  # depth, after the clip's median is made right
    moving_j: float  # of the mask against what moves


@torch.no_grad()
def figures_of(prediction: Prediction, truth: Truth, clips: Clip) -> list[Figures]:
    """Of each clip of a batch."""
    found = []
    for index in range(len(truth.depth)):
        nan = float("nan")
        rotation, ate, abs_rel = nan, nan, nan
        if prediction.poses is not None:
            height, width = clips.images.shape[-2:]
            pose = prediction.poses[-1, index].double().cpu().numpy()
            cameras = torch.from_numpy(decode_cameras(pose, width, height)[0])
            true_cameras = truth.camera_from_world[index].double().cpu()
            rotation = rotation_error(cameras[:, :3, :3], true_cameras[:, :3, :3])
            ate = trajectory_error(_centers(cameras), _centers(true_cameras))
        if prediction.depth is not None:
            abs_rel = depth_error(prediction.depth[index], truth.depth[index], truth.valid[index])
        moving = nan
        if prediction.keys is not None and clips.moving is not None:
            moving = mask_overlap(prediction.keys[index], clips.moving[index])
        found.append(Figures(rotation, ate, abs_rel, moving))
    return found


def rotation_error(rotations: Tensor, truth: Tensor) -> float:
    """Mean angle in degrees between predicted and true turns from each frame to each other; (S, 3, 3) both."""
    off = rotations.transpose(1, 2) @ truth  # each frame's own error, in a world that the prediction may choose
    between = off[:, None] @ off[None].transpose(2, 3)
    first, second = torch.triu_indices(len(off), len(off), 1).unbind()
    pairs = between[first, second]
    return float(np.degrees(Rotation.from_matrix(pairs.cpu().numpy()).magnitude()).mean())


def trajectory_error(centers: Tensor, truth: Tensor) -> float:
    """RMS distance after the best Sim(3) (Umeyama 1991), as a share of the true path's extent; (S, 3) both.

    NaN where the true path has no extent.
    """
    found, true = centers.double().cpu().numpy(), truth.double().cpu().numpy()
    extent = float(np.linalg.norm(np.ptp(true, axis=0)))
    if extent < _NO_PATH:
        return float("nan")
    aligned = closed_form(found, true, np.ones(len(found))).points(found)
    return float(np.sqrt(np.square(aligned - true).sum(1).mean())) / extent


def depth_error(depth: Tensor, truth: Tensor, valid: Tensor) -> float:
    """Mean |depth - truth| / truth of the valid pixels after the clip's medians are made the same; NaN without any."""
    if not valid.any():
        return float("nan")
    ours, true = depth[valid], truth[valid]
    return float(((ours * (true.median() / ours.median()) - true).abs() / true).mean())


def mask_overlap(keys: Tensor, moving: Tensor) -> float:
    """Intersection over union of what the mask takes for moving and what moves; NaN where nothing does.

    Args:
        keys: (S, rows, columns) -0.5 moving .. 0.5 still.
        moving: (S, H, W) bool.
    """
    if not moving.any():
        return float("nan")
    motion = 0.5 - functional.interpolate(keys[None].float(), moving.shape[1:], mode="bilinear")[0]
    ours = motion > _MOVING
    return float((ours & moving).sum() / (ours | moving).sum())


def _centers(camera_from_world: Tensor) -> Tensor:
    """(S, 3) where the cameras (S, 4, 4) stand."""
    return -(camera_from_world[:, :3, :3].transpose(1, 2) @ camera_from_world[:, :3, 3:])[..., 0]
