"""Other colors for the same scene, so that the network does not learn a camera's: MODEL_SPEC 5.5.

The four changes are those of torchvision's ColorJitter, in any order, and gray now and then; there is no blur.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

_STRENGTH = 0.5  # of brightness, contrast and saturation: factors from 0.5 to 1.5
_HUE = 0.1  # turns of the color circle, to both sides
_CHANGED, _GRAY, _SHARED = 0.9, 0.05, 0.7
_LUMA = (0.299, 0.587, 0.114)  # ITU-R BT.601


@dataclass(frozen=True)
class ColorChange:
    """What is done to one image; the order is that of the fields' numbers, from 0."""

    brightness: float = 1.0  # all colors times this
    contrast: float = 1.0  # distance from the mean luma times this
    saturation: float = 1.0  # distance from the pixel's own luma times this
    hue: float = 0.0  # turns
    order: tuple[int, ...] = (0, 1, 2, 3)
    gray: bool = False


def jittered(images: Tensor, rng: np.random.Generator) -> Tensor:
    """(S, 3, H, W) sRGB 0..1, changed in one way for the whole clip or, in 3 of 10 clips, each frame in its own."""
    if rng.random() < _SHARED:
        return changed_colors(images, draw_change(rng))
    return torch.cat([changed_colors(image[None], draw_change(rng)) for image in images])


def draw_change(rng: np.random.Generator) -> ColorChange:
    """One in ten changes nothing; one in twenty makes gray, whatever else."""
    gray = rng.random() < _GRAY
    if rng.random() >= _CHANGED:
        return ColorChange(gray=gray)
    brightness, contrast, saturation = rng.uniform(1 - _STRENGTH, 1 + _STRENGTH, 3).tolist()
    hue = float(rng.uniform(-_HUE, _HUE))
    return ColorChange(brightness, contrast, saturation, hue, tuple(rng.permutation(4).tolist()), gray)


def changed_colors(images: Tensor, change: ColorChange) -> Tensor:
    """(S, 3, H, W) sRGB 0..1; after each change colors are cut to that range."""
    changes = (
        lambda x: x * change.brightness,
        lambda x: _away_from(_luma(x).mean(dim=(-2, -1), keepdim=True), x, change.contrast),
        lambda x: _away_from(_luma(x), x, change.saturation),
        lambda x: _turned_hue(x, change.hue),
    )
    for number in change.order:
        images = changes[number](images).clamp(0, 1)
    return _luma(images).expand_as(images).clone() if change.gray else images


def _luma(images: Tensor) -> Tensor:
    """(S, 1, H, W)."""
    weights = torch.tensor(_LUMA, dtype=images.dtype, device=images.device)
    return (images * weights[:, None, None]).sum(dim=-3, keepdim=True)


def _away_from(middle: Tensor, images: Tensor, factor: float) -> Tensor:
    return middle + factor * (images - middle)


def _turned_hue(images: Tensor, turns: float) -> Tensor:
    """The same value and chroma at another place of the color circle of HSV.

    A color is v - c f(k), where k runs along the circle from one channel to the next (5, 3 and 1 sixths for R, G and
    B) and f is 1 in the opposite third, 0 in the own third, and a ramp between.
    """
    value, _ = images.max(dim=-3, keepdim=True)
    chroma = value - images.min(dim=-3, keepdim=True).values
    red, green, blue = (images.narrow(-3, channel, 1) for channel in range(3))
    safe = torch.where(chroma > 0, chroma, torch.ones_like(chroma))
    sixths = torch.where(
        value == red,
        (green - blue) / safe,
        torch.where(value == green, 2 + (blue - red) / safe, 4 + (red - green) / safe),
    )
    places = torch.tensor([5.0, 3.0, 1.0], dtype=images.dtype, device=images.device)[:, None, None]
    k = torch.remainder(places + sixths + 6 * turns, 6)
    return value - chroma * torch.minimum(k, 4 - k).clamp(0, 1)
