"""What the network learns from and is scored on, whoever drew or filmed it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import torch
from torch import Tensor


@dataclass(frozen=True)
class Clip:
    """S frames of H x W pixels with their truth; a batch of clips has a leading B on every tensor.

    Units are those of whoever made it; `training.normalized` brings clips to one scale. World axes are anyone's.
    """

    images: Tensor  # (S, 3, H, W) float32 sRGB 0..1
    depth: Tensor  # (S, H, W) float32 along the optical axis; 0 where it is not known
    valid: Tensor  # (S, H, W) bool: where depth can be trusted
    camera_from_world: Tensor  # (S, 4, 4) float32, x right, y down, z forward
    intrinsics: Tensor  # (S, 3, 3) float32, pixels; (0, 0) is the corner of the image
    moving: Tensor | None = None  # (S, H, W) bool: what moves in the world; None where nobody knows
    flow: Tensor | None = (
        None  # (S - 1, H, W, 2) float32: where each pixel of a frame's surface is in the next, minus here
    )
    name: str = ""  # dataset, sequence and frames, for messages

    def to(self, device: torch.device | str) -> "Clip":
        """The same on that device."""
        return self._changed(lambda tensor: tensor.to(device))

    def __getitem__(self, index: int) -> "Clip":
        """One clip of a batch."""
        return self._changed(lambda tensor: tensor[index])

    def _changed(self, change: Callable[[Tensor], Tensor]) -> "Clip":
        values = ((field.name, getattr(self, field.name)) for field in fields(self))
        changed: dict[str, Any] = {name: change(value) for name, value in values if isinstance(value, Tensor)}
        return replace(self, **changed)


def stacked(clips: Sequence[Clip]) -> Clip:
    """Clips of one size as a batch. What one of them does not know (moving, flow), the batch does not."""
    if not clips:
        raise ValueError("there are no clips to put together")
    together: dict[str, Any] = {}
    for field in fields(Clip):
        values = [getattr(clip, field.name) for clip in clips]
        if field.name != "name":
            together[field.name] = None if any(value is None for value in values) else torch.stack(values)
    return Clip(name=", ".join(clip.name for clip in clips), **together)
