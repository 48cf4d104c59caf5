"""From the values that image files hold to sRGB in 8 bits."""

from enum import StrEnum
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

ROWS_AT_ONCE = 256  # lookups make indices of 8 bytes a value; of a whole 8K picture they would cost gigabytes


class Encoding(StrEnum):
    DISPLAY = "display"  # sRGB, Rec. 709, gamma 2.2: shown as it is
    LINEAR = "linear"  # scene light
    LOG = "log"  # Cineon printing density


def to_srgb8(pixels: NDArray[np.generic], encoding: Encoding) -> NDArray[np.uint8]:
    """(H, W, C) of uint8, uint16 or any float to uint8 sRGB, same shape.

    Integers count as fractions of their type's largest value. NaN becomes black, what is brighter than white is
    white; there is no tone mapping. Floats are looked up at half precision, which is 0.1 of a level or finer.
    """
    if pixels.dtype == np.uint8 and encoding == Encoding.DISPLAY:
        return pixels.astype(np.uint8, copy=False)
    result = np.empty(pixels.shape, np.uint8)
    for start in range(0, len(pixels), ROWS_AT_ONCE):
        rows = slice(start, start + ROWS_AT_ONCE)
        codes, table = _codes_and_table(pixels[rows], encoding)
        np.take(table, codes, out=result[rows], mode="clip")
    return result


def _codes_and_table(pixels: NDArray[Any], encoding: Encoding) -> tuple[NDArray[Any], NDArray[np.uint8]]:
    if pixels.dtype == np.uint8:
        return pixels, _table_of_integers(2**8, encoding)
    if pixels.dtype == np.uint16:
        return pixels, _table_of_integers(2**16, encoding)
    with np.errstate(over="ignore"):  # beyond half's range is infinite, which is white
        halves = np.ascontiguousarray(pixels, np.float16)
    return halves.view(np.uint16), _table_of_halves(encoding)


@lru_cache(maxsize=8)
def _table_of_integers(count: int, encoding: Encoding) -> NDArray[np.uint8]:
    return _encoded(np.arange(count) / (count - 1), encoding)


@lru_cache(maxsize=3)
def _table_of_halves(encoding: Encoding) -> NDArray[np.uint8]:
    return _encoded(np.arange(2**16, dtype=np.uint16).view(np.float16).astype(np.float64), encoding)


def _encoded(values: NDArray[np.float64], encoding: Encoding) -> NDArray[np.uint8]:
    values = np.clip(np.nan_to_num(values, nan=0.0), 0, 1)
    if encoding == Encoding.LOG:
        values = np.clip(_linear_from_cineon(values), 0, 1)
    if encoding != Encoding.DISPLAY:
        values = _srgb_from_linear(values)
    return (values * 255 + 0.5).astype(np.uint8)


def _srgb_from_linear(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """The transfer function of IEC 61966-2-1."""
    return np.where(values <= 0.0031308, values * 12.92, 1.055 * np.power(values, 1 / 2.4) - 0.055)


def _linear_from_cineon(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Kodak's Cineon curve: black at code 95 of 1023, white at 685, 0.002 density a code, gamma 0.6."""
    black = 10 ** ((95 - 685) * 0.002 / 0.6)
    return np.asarray((10 ** ((values * 1023 - 685) * 0.002 / 0.6) - black) / (1 - black))
