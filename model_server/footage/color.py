"""From the values that image files hold to sRGB in 8 bits."""

from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

ROWS_AT_ONCE = 256  # float copies of a whole 8K picture would cost gigabytes


class Encoding(StrEnum):
    DISPLAY = "display"  # sRGB, Rec. 709, gamma 2.2: shown as it is
    LINEAR = "linear"  # scene light
    LOG = "log"  # Cineon printing density


def to_srgb8(pixels: NDArray[np.generic], encoding: Encoding) -> NDArray[np.uint8]:
    """(H, W, C) of any type to uint8 sRGB, same shape; NaN becomes black, what is brighter than white is white.

    Integers count as fractions of their type's largest value. No tone mapping.
    """
    result = np.empty(pixels.shape, np.uint8)
    for start in range(0, len(pixels), ROWS_AT_ONCE):
        rows = slice(start, start + ROWS_AT_ONCE)
        result[rows] = _encode_rows(pixels[rows], encoding)
    return result


def _encode_rows(pixels: NDArray[np.generic], encoding: Encoding) -> NDArray[np.uint8]:
    if pixels.dtype == np.uint8 and encoding == Encoding.DISPLAY:
        return pixels.astype(np.uint8, copy=False)
    values = pixels.astype(np.float32)
    if np.issubdtype(pixels.dtype, np.integer):
        values /= np.iinfo(pixels.dtype).max  # type: ignore[type-var]
    values = np.nan_to_num(values, copy=False, nan=0.0, posinf=1e9, neginf=0.0)
    if encoding == Encoding.LOG:
        values = _linear_from_cineon(np.clip(values, 0, 1))
    values = np.clip(values, 0, 1)
    if encoding != Encoding.DISPLAY:
        values = _srgb_from_linear(values)
    return (values * 255 + 0.5).astype(np.uint8)


def _srgb_from_linear(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """The transfer function of IEC 61966-2-1."""
    bright = np.float32(1.055) * np.power(values, np.float32(1 / 2.4)) - np.float32(0.055)
    return np.where(values <= 0.0031308, values * np.float32(12.92), bright)


def _linear_from_cineon(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """Kodak's Cineon curve: black at code 95 of 1023, white at 685, 0.002 density a code, gamma 0.6."""
    black = np.float32(10 ** ((95 - 685) * 0.002 / 0.6))
    light = np.power(np.float32(10), (values * 1023 - 685) * np.float32(0.002 / 0.6))
    return np.asarray((light - black) / (1 - black), np.float32)
