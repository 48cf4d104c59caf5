"""One step of learning: batches in, weights changed (MODEL_SPEC 5.2, done as it was meant)."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor, nn

from model_server.engines.page4d.network.network import Prediction
from model_server.engines.page4d.network.precision import Precision as DevicePrecision
from model_server.training.clip import Clip
from model_server.training.config import LossSettings, MaskSettings, Precision, TrainSettings
from model_server.training.losses.total import heads_of, losses_of
from model_server.training.normalized import Truth, normalized
from model_server.training.optimizer import Optimizer
from model_server.training.processes import gradients_stay
from model_server.training.schedules import mask_alpha


class Watch(Protocol):
    """Looks at the inside of a network while it runs."""

    def loss(self, truth: Truth) -> Tensor:
        """Scalar, with gradients: how far off it was in the last forward pass."""
        ...


@dataclass(frozen=True)
class StepResult:
    losses: dict[str, Tensor]  # scalars: means over the step's batches
    gradient: Tensor  # scalar: the length of the gradient before it was shortened
    skipped: bool  # the gradient was not finite, and nothing changed


@dataclass(frozen=True)
class Look:
    """One batch, seen by the network."""

    prediction: Prediction
    truth: Truth
    loss: Tensor  # scalar, with gradients
    parts: dict[str, Tensor]  # scalars by name, without


class Stepper:
    """Changes a network's weights, step after step."""

    def __init__(
        self,
        called: nn.Module,
        optimizer: Optimizer,
        device: torch.device,
        train: TrainSettings,
        loss: LossSettings,
        mask: MaskSettings | None,
        watches: Mapping[str, Watch],
    ) -> None:
        """
        Args:
            called: the network, or what several processes call in its place.
            mask: None where the network has none.
            watches: of the same network, by the loss that they are a part of.
        """
        self._called, self._optimizer, self._device = called, optimizer, device
        self._train, self._loss, self._mask = train, loss, mask
        self._heads, self._watches = heads_of(loss), watches

    def alpha(self, step: int) -> float:
        """The mask's strength at that step; 0 where there is none."""
        return 0.0 if self._mask is None else mask_alpha(step, self._mask)

    def __call__(self, step: int, clips: Iterator[Clip]) -> StepResult:
        """Take as many batches as one step needs, add up their gradients, and change the weights once.

        Gradients are shortened after all have been added up and before the one step. Where one is not finite, the step
        is left out: weights and moments stay what they are.
        """
        count = self._train.accumulation
        sums: dict[str, Tensor] = {}
        for index in range(count):
            with gradients_stay(self._called, index + 1 < count):
                look = self.look(next(clips).to(self._device), self.alpha(step))
                torch.autograd.backward(look.loss / count)
            for name, value in look.parts.items():
                sums[name] = sums.get(name, 0) + value / count
        norm = self._optimizer.clipped_norm(self._train.clip)
        finite = bool(norm.isfinite())
        if finite:
            self._optimizer.step(step)
        self._optimizer.clear()
        return StepResult(sums, norm.detach(), not finite)

    def look(self, clips: Clip, alpha: float) -> Look:
        """What the network says of a batch on its device, and how far that is from the truth."""
        truth = normalized(clips)
        with autocast(self._device, self._train.precision):
            frames = clips.images.shape[0] * clips.images.shape[1]
            prediction = self._called(clips.images, alpha, self._heads, frames_at_once=frames)
        total, parts = losses_of(prediction, truth, self._loss)
        for name, watch in self._watches.items():
            seen = watch.loss(truth)
            total = total + getattr(self._loss, name) * seen
            parts |= {"loss": total.detach(), name: seen.detach()}
        return Look(prediction, truth, total, parts)


def autocast(device: torch.device, wanted: Precision) -> torch.autocast:
    """bf16 for the transformer's products, where it is asked for; heads and losses are in float32 always."""
    if wanted is Precision.AUTO:
        bf16 = DevicePrecision.best_for(device).compute is torch.bfloat16
    else:
        bf16 = wanted is Precision.BF16
    return torch.autocast(device.type, torch.bfloat16, enabled=bf16)
