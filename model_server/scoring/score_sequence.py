"""One sequence's figures for one task."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from model_server.geometry.shot import Array
from model_server.scoring.depth_alignment import ScaleAndShift, fitted
from model_server.scoring.depth_errors import depth_errors, depth_in_first_camera, resized
from model_server.scoring.drawings import Drawing, error_maps, paths
from model_server.scoring.mask_errors import mask_errors
from model_server.scoring.pictures import network_pictures
from model_server.scoring.point_errors import point_errors
from model_server.scoring.predictor import PredictedClip, Predictor, points_in_world
from model_server.scoring.rules import Alignment, DatasetRules, EvaluationRules, Task
from model_server.scoring.trajectory import trajectory_errors
from model_server.scoring.unscorable import Unscorable
from model_server.training.readers.reader import FrameTruth

Figures = Mapping[str, float]
SIM3, PLAIN = "sim3", "none"  # how it was aligned, where it is not one of `Alignment`


@dataclass(frozen=True)
class SequenceFigures:
    """What came out."""

    figures: Mapping[str, Figures]  # by alignment
    weight: float = 1.0  # valid pixels, where the task has them
    drawing: Drawing | None = field(default=None, compare=False)


def score_sequence(
    task: Task, dataset: str, frames: Sequence[FrameTruth], predictor: Predictor, rules: EvaluationRules
) -> SequenceFigures:
    """Let the predictor look at the frames, and compare.

    Raises:
        Unscorable: truth or prediction are such that there is no figure.
        ServerError: the predictor can't look at them.
    """
    sizes = {frame.image.shape for frame in frames}
    if len(sizes) != 1:
        raise Unscorable(f"its frames have {len(sizes)} different sizes")
    taken = rules.of(task, dataset)
    if task is Task.MONO_DEPTH:
        return _mono_depth(frames, predictor, rules, taken)
    predicted = _look(frames, predictor, rules)
    scorers: dict[Task, Callable[[], SequenceFigures]] = {
        Task.POSE: lambda: _pose(frames, predicted, rules),
        Task.VIDEO_DEPTH: lambda: _video_depth(frames, predicted, rules, taken),
        Task.POINTS: lambda: _points(frames, predicted, taken),
        Task.MOTION: lambda: _motion(frames, predicted),
    }
    return scorers[task]()


def _look(frames: Sequence[FrameTruth], predictor: Predictor, rules: EvaluationRules) -> PredictedClip:
    images = [frame.image for frame in frames]
    predicted = predictor(network_pictures(images, predictor.long_side, predictor.multiple, rules.stretched))
    if not predicted.is_finite:
        raise Unscorable("the prediction holds numbers that are not finite")
    return predicted


def _pose(frames: Sequence[FrameTruth], predicted: PredictedClip, rules: EvaluationRules) -> SequenceFigures:
    errors = trajectory_errors(predicted.camera_from_world, _cameras(frames), rules.lines_fail)
    return SequenceFigures({SIM3: errors.figures}, drawing=paths(errors))


def _video_depth(
    frames: Sequence[FrameTruth], predicted: PredictedClip, rules: EvaluationRules, taken: DatasetRules
) -> SequenceFigures:
    depth = depth_in_first_camera(predicted) if rules.from_first_camera else predicted.depth
    truth = np.stack([frame.depth for frame in frames])
    depth = resized(depth, truth.shape[2], truth.shape[1], rules.enlarged_cubic)
    valid = _scored(truth, taken)
    if not valid.any():
        raise Unscorable("no pixel of it has a known depth")
    figures, fits = _by_alignment(depth[valid], truth[valid], rules.alignments[Task.VIDEO_DEPTH], rules, taken)
    drawn = fits[rules.alignments[Task.VIDEO_DEPTH][0]]
    drawing = error_maps([frame.image for frame in frames], drawn.scale * depth + drawn.shift, truth, valid)
    return SequenceFigures(figures, float(valid.sum()), drawing)


def _mono_depth(
    frames: Sequence[FrameTruth], predictor: Predictor, rules: EvaluationRules, taken: DatasetRules
) -> SequenceFigures:
    """Every frame alone; a frame of which no depth is known has no part in it."""
    alignments = rules.alignments[Task.MONO_DEPTH]
    scored, weights, aligned, valids = [], [], [], []
    for frame in frames:
        truth = frame.depth[None]
        depth = resized(_look([frame], predictor, rules).depth, truth.shape[2], truth.shape[1], rules.enlarged_cubic)
        valid = _scored(truth, taken)
        valids.append(valid[0])
        if not valid.any():
            aligned.append(depth[0])
            continue
        figures, fits = _by_alignment(depth[valid], truth[valid], alignments, rules, taken)
        aligned.append((fits[alignments[0]].scale * depth + fits[alignments[0]].shift)[0])
        scored.append(figures)
        weights.append(float(valid.sum()))
    if not scored:
        raise Unscorable("no pixel of it has a known depth")
    counts = weights if rules.weighted else [1.0] * len(scored)
    means: dict[str, Figures] = {
        alignment: {
            name: float(np.average([figures[alignment][name] for figures in scored], weights=counts))
            for name in scored[0][alignment]
        }
        for alignment in alignments
    }
    truth = np.stack([frame.depth for frame in frames])
    drawing = error_maps([frame.image for frame in frames], np.stack(aligned), truth, np.stack(valids))
    return SequenceFigures(means, sum(weights), drawing)


def _points(frames: Sequence[FrameTruth], predicted: PredictedClip, taken: DatasetRules) -> SequenceFigures:
    """Points of the predictor's pixels; the truth of each is that of the pixel in which its center lies."""
    truth = np.stack([frame.depth for frame in frames])
    height, width = predicted.depth.shape[1:]
    rows, columns = _nearest(height, truth.shape[1]), _nearest(width, truth.shape[2])
    depth = truth[:, rows[:, None], columns]
    centers = np.stack(np.broadcast_arrays(columns + 0.5, (rows + 0.5)[:, None]), axis=-1)
    true_points = points_in_world(depth, _cameras(frames), _intrinsics(frames), centers)
    valid = _scored(depth, taken)
    return SequenceFigures({SIM3: point_errors(predicted.world_points()[valid], true_points[valid])})


def _motion(frames: Sequence[FrameTruth], predicted: PredictedClip) -> SequenceFigures:
    """Of the frames whose mask is known."""
    if predicted.motion is None:
        raise Unscorable("the prediction does not say what moves")
    known = [(frame.moving, motion) for frame, motion in zip(frames, predicted.motion) if frame.moving is not None]
    if not known:
        raise Unscorable("no frame of it has a mask", hint="see docs/DATASETS.md for where masks come from")
    truth = np.stack([moving for moving, _ in known])
    motion = resized(np.stack([motion for _, motion in known]), truth.shape[2], truth.shape[1], cubic=False)
    return SequenceFigures({PLAIN: mask_errors(motion > 0.5, truth)})


def _by_alignment(
    depth: Array, truth: Array, alignments: Sequence[Alignment], rules: EvaluationRules, taken: DatasetRules
) -> tuple[dict[str, Figures], dict[Alignment, ScaleAndShift]]:
    device = "cuda" if torch.cuda.is_available() else "cpu"  # sequences have tens of millions of pixels
    ours, true = torch.from_numpy(depth).to(device), torch.from_numpy(truth).to(device)
    fits = {each: fitted(each, ours, true, rules.shift_by_steps) for each in alignments}
    figures = {str(each): depth_errors(_clipped(fit(ours), taken), true) for each, fit in fits.items()}
    if not all(np.isfinite(value) for of_one in figures.values() for value in of_one.values()):
        raise Unscorable("the predicted depth can't be brought to the truth's scale: its middle is 0")
    return figures, fits


def _clipped(depth: Tensor, taken: DatasetRules) -> Tensor:
    return depth if taken.clipped_at is None else depth.clamp_max(taken.clipped_at)


def _scored(truth: Array, taken: DatasetRules) -> Array:
    """Where true depth is known and near enough to be scored."""
    return (truth > 0) & (truth < (np.inf if taken.farthest is None else taken.farthest))


def _nearest(count: int, true_count: int) -> Array:
    """Which of `true_count` pixels the centers of `count` lie in."""
    return ((np.arange(count) + 0.5) * true_count / count).astype(np.int64)


def _cameras(frames: Sequence[FrameTruth]) -> Array:
    return _known([frame.camera_from_world for frame in frames])


def _intrinsics(frames: Sequence[FrameTruth]) -> Array:
    return _known([frame.intrinsics for frame in frames])


def _known(matrices: Sequence[Array | None]) -> Array:
    known = [matrix for matrix in matrices if matrix is not None]
    if len(known) != len(matrices):
        raise Unscorable("its cameras are not known")
    return np.stack(known)
