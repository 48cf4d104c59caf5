"""One image file, read with OpenImageIO: its display window, upright, in 8-bit sRGB, on black."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import OpenImageIO as oiio
from numpy.typing import NDArray

from model_server.errors import BadFootage
from model_server.footage.color import Encoding, to_srgb8
from model_server.footage.limits import (
    DECODER_THREADS,
    MAX_CHANNELS,
    MAX_PARTS,
    MAX_PIXELS,
    check_size,
    plausible_aspect,
)

# Formats that hold plain pictures. OpenImageIO knows others whose files may name further files.
_FORMATS = frozenset("bmp cineon dpx hdr jpeg jpeg2000 openexr png pnm sgi targa tiff webp".split())
_LOG_TRANSFERS = ("Printing density", "Logarithmic")
_FLOATS = ("half", "float", "double")


@dataclass(frozen=True)
class ImageHeader:
    """What an image says of itself; sizes are upright."""

    width: int
    height: int
    pixel_aspect: float  # width / height of one pixel
    fps: Fraction | None


def read_header(path: Path) -> ImageHeader:
    """Raises BadFootage: not an image that can be read, or one too large."""
    with _opened(path) as picture:
        spec = picture.spec()
        aspect = plausible_aspect(_number(spec, "PixelAspectRatio"))
        if _is_on_its_side(spec):
            return ImageHeader(spec.full_height, spec.full_width, 1 / aspect, _fps(spec))
        return ImageHeader(spec.full_width, spec.full_height, aspect, _fps(spec))


def read_picture(path: Path) -> NDArray[np.uint8]:
    """(height, width, 3) sRGB.

    Raises:
        BadFootage: the file is broken, cut off or too large.
    """
    colors = _read(path, _encoding)
    return colors if colors.shape[2] == 3 else np.repeat(colors, 3, axis=2)


def read_coverage(path: Path) -> NDArray[np.uint8]:
    """(height, width), 255 where a black-and-white image is white: its brightest channel.

    The values are taken as they are stored, for what a matte holds is no light. Alpha counts as in `read_picture`.

    Raises:
        BadFootage: the file is broken, cut off or too large.
    """
    return np.ascontiguousarray(_read(path, lambda _: Encoding.DISPLAY).max(axis=2))


def _read(path: Path, encoding_of: Callable[[Any], Encoding]) -> NDArray[np.uint8]:
    """(height, width, 3 or 1 for gray); `encoding_of` an image's spec says what its values mean."""
    with _opened(path) as picture:
        spec = picture.spec()
        first, count = _color_channels(spec)
        # TIFF colors are multiplied with alpha only where alpha is read with them (OpenImageIO's pull request 2122).
        last = max(first + count, spec.alpha_channel + 1) if picture.format_name() == "tiff" else first + count
        pixels = picture.read_image(picture.current_subimage(), 0, first, last, _read_type(spec))
        complaint = picture.geterror()
        if pixels is None or "Premature end" in complaint:
            raise _damaged(path, _one_line(complaint, path) or "its pixels can't be read")
        colors = to_srgb8(pixels[..., :count], encoding_of(spec))
        return _upright(_in_display_window(colors, spec), spec)


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    """An open picture; what OpenImageIO raises is damage: names that are no text, sizes that do not fit."""
    try:
        picture = _open(path)
        try:
            yield picture
        finally:
            picture.close()
    except (UnicodeDecodeError, RuntimeError, OverflowError) as error:
        raise _damaged(path, f"its header is not what it should be ({_one_line(str(error), path)})") from error


def _open(path: Path) -> Any:
    oiio.attribute("limits:channels", MAX_CHANNELS)
    oiio.attribute("limits:imagesize_MB", MAX_PIXELS * 16 // 2**20)  # four channels of float
    oiio.attribute("threads", DECODER_THREADS)
    picture = oiio.ImageInput.open(str(path.absolute()))
    if picture is None:
        reason = _one_line(oiio.geterror(), path)
        reason = "its content is of no known image format" if "could not find a format reader" in reason else reason
        raise BadFootage(f"'{path.name}' can't be read as an image: {reason}", hint="export the image again")
    if picture.format_name() not in _FORMATS:
        raise BadFootage(
            f"'{path.name}' is a {picture.format_name()} file, not an image of footage", hint="use exr or png"
        )
    _seek_colors(picture)
    spec = picture.spec()
    check_size(path.name, spec.width, spec.height)
    check_size(path.name, spec.full_width, spec.full_height)
    if spec.deep:
        raise BadFootage(f"'{path.name}' is a deep image", hint="render or flatten it to plain RGB")
    if spec.depth > 1:
        raise BadFootage(f"'{path.name}' is a volume of {spec.depth} slices", hint="export plain images")
    return picture


def _seek_colors(picture: Any) -> None:
    """To the first part of an exr that has R, G, B; parts of depth or masks may stand before it."""
    if picture.format_name() != "openexr":
        return
    for part in range(min(picture.spec().get_int_attribute("oiio:subimages", 1), MAX_PARTS)):
        if picture.seek_subimage(part, 0) and _color_channels(picture.spec())[1] == 3:
            return
    picture.seek_subimage(0, 0)


def _color_channels(spec: Any) -> tuple[int, int]:
    """First channel and count (3, or 1 for gray) of what to show: R, G, B of the first layer that has them.

    Alpha itself is not needed: OpenImageIO gives color that is multiplied with it, which is the picture on black.
    """
    names = [name.rpartition(".")[2].upper() for name in spec.channelnames]
    for i in range(len(names) - 2):
        if names[i : i + 3] == ["R", "G", "B"]:
            return i, 3
    return names.index("Y") if "Y" in names else 0, 1


def _read_type(spec: Any) -> str:
    name = str(spec.format)
    if name in ("uint8", "uint16", "half"):
        return name
    return "float" if name in _FLOATS else "uint16"


def _encoding(spec: Any) -> Encoding:
    """What the values mean: as the file says, else float is scene light and integers are made for a display."""
    space = spec.get_string_attribute("oiio:ColorSpace").lower()
    if "log" in space or spec.get_string_attribute("dpx:Transfer") in _LOG_TRANSFERS:
        return Encoding.LOG
    if space.startswith(("lin", "scene_linear")):
        return Encoding.LINEAR
    if str(spec.format) in _FLOATS and not space.startswith(("srgb", "g22", "g24")):
        return Encoding.LINEAR
    return Encoding.DISPLAY


def _in_display_window(pixels: NDArray[np.uint8], spec: Any) -> NDArray[np.uint8]:
    """The display window of an exr: black where there is no data, without what lies outside."""
    left, top = spec.x - spec.full_x, spec.y - spec.full_y
    if (left, top, spec.width, spec.height) == (0, 0, spec.full_width, spec.full_height):
        return pixels
    window = np.zeros((spec.full_height, spec.full_width, pixels.shape[2]), np.uint8)
    x0, x1 = max(left, 0), min(left + spec.width, spec.full_width)
    y0, y1 = max(top, 0), min(top + spec.height, spec.full_height)
    if x0 < x1 and y0 < y1:
        window[y0:y1, x0:x1] = pixels[y0 - top : y1 - top, x0 - left : x1 - left]
    return window


def _upright(pixels: NDArray[np.uint8], spec: Any) -> NDArray[np.uint8]:
    """The eight orientations of TIFF and EXIF: which side the first row and the first column of the file are."""
    orientation = spec.get_int_attribute("Orientation", 1)
    if _is_on_its_side(spec):
        pixels = pixels.transpose(1, 0, 2)
    if orientation in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    if orientation in (3, 4, 7, 8):
        pixels = pixels[::-1]
    return np.ascontiguousarray(pixels)


def _is_on_its_side(spec: Any) -> bool:
    return int(spec.get_int_attribute("Orientation", 1)) in (5, 6, 7, 8)


def _fps(spec: Any) -> Fraction | None:
    value = spec.getattribute("FramesPerSecond") or spec.getattribute("dpx:FrameRate")
    if isinstance(value, tuple):
        fps = Fraction(int(value[0]), int(value[1])) if len(value) == 2 and value[1] else Fraction(0)
    else:
        fps = (
            Fraction(value).limit_denominator(1001)
            if isinstance(value, (int, float)) and 0 < value < 1e4
            else Fraction(0)
        )
    return fps if fps > 0 else None


def _number(spec: Any, name: str) -> float | None:
    value = spec.getattribute(name)
    return float(value) if isinstance(value, (int, float)) else None


def _damaged(path: Path, reason: str) -> BadFootage:
    return BadFootage(
        f"the image '{path.name}' is damaged: {reason}",
        hint="render or copy it again, or leave its frame out with --frames",
    )


def _one_line(text: str, path: Path) -> str:
    """The first line of a library's complaint, with the file's name in place of its whole path."""
    line = text.strip().partition("\n")[0].replace(str(path.absolute()), path.name)
    return line if len(line) <= 160 else line[:157] + "..."
