"""How networks of page4d-mini's size do on held-out synthetic clips, a batch of clips at once."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation
from torch import Tensor

from model_server.engines.page4d.network.network import Head, Page4DNetwork
from model_server.engines.page4d.pose_encoding import decode_cameras
from model_server.engines.page4d.similarity_fit import closed_form
from model_server.scoring.network_predictor import motion_of
from model_server.training.clip import Clip

ATE, ROTATION, STILL_ABS_REL, MOVING_ABS_REL, MOVING_J = (
    "ATE, % of the path",
    "rotation, deg",
    "AbsRel, still pixels",
    "AbsRel, moving pixels",
    "J of the mask",
)
FIGURES = (ATE, ROTATION, STILL_ABS_REL, MOVING_ABS_REL, MOVING_J)
BEST_IS_LEAST = frozenset({ATE, ROTATION, STILL_ABS_REL, MOVING_ABS_REL})
Values = NDArray[np.float64]
_NO_PATH = 1e-4  # meters: a camera that goes no farther stands, but for rounding


def score_clips(network: Page4DNetwork, strength: float, clips: Clip) -> Mapping[str, Values]:
    """Every figure of every clip of a batch, (B,); NaN where it has none.

    ATE is the RMSE of the centers after the best Sim(3), in percent of the true path's extent; rotation the mean angle
    between a frame's true and predicted turn from the first; AbsRel after one scale for the clip, by the medians of all
    its valid pixels; J the intersection over union, over the clip, of what moves and where the mask's key is under 0.

    Args:
        network: on its device, with the heads for cameras and depth.
        strength: alpha of the mask; 0 turns it off.
        clips: with a leading B, `moving` known.
    """
    device = next(network.parameters()).device
    with torch.inference_mode():
        prediction = network(clips.images.to(device), strength, (Head.CAMERA, Head.DEPTH), frames_at_once=1 << 10)
    height, width = clips.images.shape[-2:]
    cameras = np.stack([decode_cameras(pose, width, height)[0] for pose in prediction.poses[-1].double().cpu().numpy()])
    mask = None if prediction.keys is None else motion_of(prediction.keys, height, width).cpu() > 0.5
    return _scored(cameras, prediction.depth.cpu(), mask, clips)


def score_nothing(clips: Clip) -> Mapping[str, Values]:
    """The same of one who says that the camera stands and all is equally far: what a network has to be better than.

    It has no path, and no mask.
    """
    cameras = np.broadcast_to(np.eye(4), clips.camera_from_world.shape)
    return {**_scored(cameras, torch.ones(clips.depth.shape), None, clips), ATE: np.full(len(cameras), np.nan)}


def _scored(cameras: Values, depth: Tensor, mask: Tensor | None, clips: Clip) -> Mapping[str, Values]:
    """`cameras` (B, S, 4, 4) from world; `depth` (B, S, H, W) in any unit; `mask` (B, S, H, W) bool, what moves."""
    if clips.moving is None:
        raise ValueError("what moves in the clips has to be known")
    truth = clips.camera_from_world.double().cpu().numpy()
    valid, moving = (clips.valid & (clips.depth > 0)).cpu(), clips.moving.cpu()
    still_errors, moving_errors = _depth_errors(depth, clips.depth.cpu(), valid, moving)
    overlap = np.full(len(truth), np.nan) if mask is None else _overlap(mask, moving)
    return {
        ATE: 100 * path_errors(cameras, truth),
        ROTATION: turn_errors(cameras, truth),
        STILL_ABS_REL: still_errors,
        MOVING_ABS_REL: moving_errors,
        MOVING_J: overlap,
    }


def path_errors(camera_from_world: Values, truth: Values) -> Values:
    """(B,) RMS distance of camera centers after the best Sim(3) (Umeyama 1991), as a share of the true path's extent.

    NaN where the true camera stands. Both (B, S, 4, 4).
    """
    found, true = _centers(camera_from_world), _centers(truth)
    extent = np.linalg.norm(np.ptp(true, axis=1), axis=1)
    aligned = closed_form(found, true, np.ones(found.shape[:2])).points(found)
    rms = np.sqrt(np.square(aligned - true).sum(2).mean(1))
    return np.where(extent > _NO_PATH, rms / np.maximum(extent, _NO_PATH), np.nan)


def turn_errors(camera_from_world: Values, truth: Values) -> Values:
    """(B,) mean angle in degrees between true and predicted turns from the first frame; (B, S, 4, 4) both, S > 1."""
    turns, true = (
        poses[:, 1:, :3, :3] @ np.swapaxes(poses[:, :1, :3, :3], 2, 3) for poses in (camera_from_world, truth)
    )
    between = turns @ np.swapaxes(true, 2, 3)
    angles = Rotation.from_matrix(between.reshape(-1, 3, 3)).magnitude().reshape(between.shape[:2])
    return np.asarray(np.degrees(angles).mean(1))


@dataclass(frozen=True)
class Estimate:
    """A mean with its 95 % confidence interval, over clips."""

    mean: float
    low: float
    high: float
    count: int  # of clips that have the figure

    @property
    def is_sure(self) -> bool:
        """Whether 0 lies outside of the interval."""
        return self.low > 0 or self.high < 0


def estimated(values: Values, draws: int = 2000) -> Estimate | None:
    """The mean of (clips,) values, NaN left out, and percentiles of the bootstrap over clips (Efron 1979).

    None where no clip has a value. For two networks on the same clips, give the differences: they are paired.
    """
    known = values[np.isfinite(values)]
    if not len(known):
        return None
    picked = np.random.default_rng(0).integers(len(known), size=(draws, len(known)))
    low, high = np.percentile(known[picked].mean(1), [2.5, 97.5])
    return Estimate(float(known.mean()), float(low), float(high), len(known))


def joined(batches: list[Mapping[str, Values]]) -> Mapping[str, Values]:
    """The figures of all clips, in order."""
    return {name: np.concatenate([batch[name] for batch in batches]) for name in batches[0]}


def figures_table(kind: str, models: Mapping[str, Mapping[str, Values]]) -> list[str]:
    """A markdown table of means with their intervals: a row for each figure, a column for each model."""
    lines = [f"| {kind} | clips | {' | '.join(models)} |", "| --- " * (len(models) + 2) + "|"]
    return lines + _rows(lambda figure: [estimated(values[figure]) for values in models.values()], signed=False)


def differences_table(kind: str, models: Mapping[str, Mapping[str, Values]]) -> list[str]:
    """The same of the paired difference between each model and every one before; `*` where it is surely not 0."""
    names = list(models)
    pairs = [(later, earlier) for place, later in enumerate(names) for earlier in names[:place]]
    if not pairs:
        return []
    heads = " | ".join(f"{later} - {earlier}" for later, earlier in pairs)
    lines = [f"| {kind} | clips | {heads} |", "| --- " * (len(pairs) + 2) + "|"]
    return lines + _rows(
        lambda figure: [estimated(models[later][figure] - models[earlier][figure]) for later, earlier in pairs],
        signed=True,
    )


def _rows(estimates: Callable[[str], list[Estimate | None]], signed: bool) -> list[str]:
    rows = []
    for figure in FIGURES:
        found = estimates(figure)
        counts = [estimate.count for estimate in found if estimate is not None]
        if counts:
            better = "lower" if figure in BEST_IS_LEAST else "higher"
            cells = [_cell(estimate, signed) for estimate in found]
            rows.append(f"| {figure} ({better} is better) | {max(counts)} | {' | '.join(cells)} |")
    return rows


def _cell(estimate: Estimate | None, signed: bool) -> str:
    if estimate is None:
        return "-"
    form = "+.4g" if signed else ".4g"
    star = " *" if signed and estimate.is_sure else ""
    return f"{estimate.mean:{form}} [{estimate.low:{form}}, {estimate.high:{form}}]{star}"


def _centers(camera_from_world: Values) -> Values:
    """(B, S, 3)."""
    rotation = np.swapaxes(camera_from_world[..., :3, :3], -1, -2)
    return -(rotation @ camera_from_world[..., :3, 3:])[..., 0]


def _depth_errors(depth: Tensor, truth: Tensor, valid: Tensor, moving: Tensor) -> tuple[Values, Values]:
    """Mean |difference| / truth of each clip (B, S, H, W), on still and on moving pixels."""
    still_errors, moving_errors = [], []
    for ours, true, known, moves in zip(depth, truth, valid, moving):
        if not known.any():
            still_errors.append(np.nan)
            moving_errors.append(np.nan)
            continue
        scale = true[known].median() / ours[known].median()
        errors = (scale * ours - true).abs() / true
        still_errors.append(float(errors[known & ~moves].mean()))
        moving_errors.append(float(errors[known & moves].mean()))
    return np.array(still_errors), np.array(moving_errors)


def _overlap(masks: Tensor, moving: Tensor) -> Values:
    """(B,) intersection over union over each clip (B, S, H, W); NaN where nothing moves."""
    both, either = (masks & moving).flatten(1).sum(1), (masks | moving).flatten(1).sum(1)
    return torch.where(moving.flatten(1).any(1), both / either.clamp_min(1), torch.nan).double().numpy()
