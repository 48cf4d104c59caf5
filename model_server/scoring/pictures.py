"""A sequence's frames as the network is to see them."""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from model_server.geometry.pixel_map import fit_long_side


def network_pictures(frames: Sequence[NDArray[np.uint8]], long_side: int, multiple: int, stretched: bool) -> Tensor:
    """(S, 3, h, w) float32 sRGB 0..1 of frames (H, W, 3) of one size.

    Args:
        long_side: of the result, pixels.
        multiple: what both sides are a multiple of.
        stretched: a square, as published (MODEL_SPEC sections 4 and 6): the width is made `long_side`, rows above and
            below that many are cut off, and what is left is stretched. Otherwise the whole picture in its aspect,
            never enlarged.
    """
    pixels = torch.from_numpy(np.stack(frames)).permute(0, 3, 1, 2)
    height, width = pixels.shape[2:]
    if not stretched:
        fitted = fit_long_side(width, height, long_side, multiple)
        return _scaled(pixels, *fitted)
    tall = round(height * long_side / width / multiple) * multiple
    pictures = _scaled(pixels, long_side, max(multiple, tall))
    cut = max(0, (tall - long_side) // 2)
    pictures = pictures[:, :, cut : cut + long_side]
    return functional.interpolate(pictures, (long_side, long_side), mode="bilinear", align_corners=False)


def _scaled(pixels: Tensor, width: int, height: int) -> Tensor:
    """uint8 to float by the cubic filter that Pillow has: as wide as a pixel of the result, rounded to 8 bits."""
    if pixels.shape[2:] == (height, width):
        return pixels.float() / 255
    scaled = [functional.interpolate(frame[None], (height, width), mode="bicubic", antialias=True) for frame in pixels]
    return torch.cat(scaled).float() / 255
