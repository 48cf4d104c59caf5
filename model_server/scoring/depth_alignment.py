"""Predicted depth brought to the truth's scale, the four ways that papers know (MODEL_SPEC section 6)."""

from dataclasses import dataclass

import torch
from torch import Tensor

from model_server.scoring.rules import Alignment

_ROUNDS = 10  # of reweighted least squares for a scale, as published
_SMALLEST_RESIDUAL, _SMALLEST_SCALE = 1e-8, 1e-3
_STEPS, _STEP, _SETTLED, _ZERO = 1000, 1e-4, 1e-6, 1e-5  # of the published search for scale and shift
_SHIFT_ROUNDS, _FIRST_SOFTNESS, _LAST_SOFTNESS = 40, 0.1, 1e-6  # softness: of the truth's median


@dataclass(frozen=True)
class ScaleAndShift:
    """`aligned = scale * predicted + shift`."""

    scale: float
    shift: float = 0.0

    def __call__(self, depth: Tensor) -> Tensor:
        """Any shape."""
        return self.scale * depth + self.shift


def fitted(alignment: Alignment, depth: Tensor, truth: Tensor, shift_by_steps: bool) -> ScaleAndShift:
    """What brings `depth` to `truth`, (N,) float both, N > 0; truth > 0.

    Args:
        shift_by_steps: scale and shift as published, see `EvaluationRules`.
    """
    if alignment is Alignment.METRIC:
        return ScaleAndShift(1.0)
    if alignment is Alignment.MEDIAN:
        return ScaleAndShift(_median_scale(depth, truth))
    if alignment is Alignment.SCALE:
        return ScaleAndShift(_least_differences(depth, truth))
    return _stepped(depth, truth) if shift_by_steps else _least_differences_with_shift(depth, truth)


def _median_scale(depth: Tensor, truth: Tensor) -> float:
    """torch's median: of an even number, the lower of the middle two."""
    return float(truth.median() / depth.median())


def _least_differences(depth: Tensor, truth: Tensor) -> float:
    """The scale by iteratively reweighted least squares on |scale * depth - truth|."""
    depth, truth = depth.double(), truth.double()
    scale = truth.mean() / depth.mean()
    for _ in range(_ROUNDS):
        weights = 1 / ((scale * depth - truth).abs() + _SMALLEST_RESIDUAL)
        scale = (weights * depth * truth).sum() / (weights * depth.square()).sum()
    return float(scale.clamp_min(_SMALLEST_SCALE))


def _least_differences_with_shift(depth: Tensor, truth: Tensor) -> ScaleAndShift:
    """The same with an offset. Where all depths are one, the shift is 0.

    Differences count by their square up to a softness that shrinks from round to round: a line that happens to go
    through a point early would never leave it otherwise.
    """
    depth, truth = depth.double(), truth.double()
    unit = truth.median()
    scale, shift = unit / depth.median(), torch.zeros_like(unit)
    for round_number in range(_SHIFT_ROUNDS):
        softness = _FIRST_SOFTNESS * (_LAST_SOFTNESS / _FIRST_SOFTNESS) ** (round_number / (_SHIFT_ROUNDS - 1))
        weights = 1 / ((scale * depth + shift - truth).abs() + softness * unit)
        total = weights.sum()
        depth_mean, truth_mean = (weights * depth).sum() / total, (weights * truth).sum() / total
        spread = (weights * (depth - depth_mean).square()).sum()
        if not spread > 0:
            return ScaleAndShift(float(unit / depth.median()))
        scale = (weights * (depth - depth_mean) * (truth - truth_mean)).sum() / spread
        shift = truth_mean - scale * depth_mean
    return ScaleAndShift(float(scale), float(shift))


def _stepped(depth: Tensor, truth: Tensor) -> ScaleAndShift:
    """Adam on the sum of |differences| from the medians on: it moves either number by 0.1 at most."""
    depth = torch.where(depth < _ZERO, 0.0, depth)
    with torch.enable_grad():
        scale = torch.full((1,), _median_scale(depth, truth), device=depth.device, requires_grad=True)
        shift = torch.zeros(1, device=depth.device, requires_grad=True)
        steps = torch.optim.Adam([scale, shift], lr=_STEP)
        before: float | None = None
        for _ in range(_STEPS):
            steps.zero_grad()
            loss = (scale * depth + shift - truth).abs().sum()
            torch.autograd.backward(loss)
            steps.step()
            if before is not None and abs(before - loss.item()) < _SETTLED:
                break
            before = loss.item()
    return ScaleAndShift(scale.item(), shift.item())
