"""Footage whose pixels are known, written by the libraries that others write it with."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import OpenImageIO as oiio

from model_server.footage.describe import describe
from model_server.footage.open import ALL_FRAMES
from model_server.footage.source import OpenClip, clip_of
from model_server.settings import FrameRange

# Luma weights of red and blue: ITU-R BT.601 and BT.709.
LUMA = {"bt601": (0.299, 0.114), "bt709": (0.2126, 0.0722)}


def opened(path: Path, frames: FrameRange = ALL_FRAMES, fps: Fraction | None = None) -> OpenClip:
    """`open_clip` without the process of its own, for many small files."""
    return clip_of(describe(path, frames, fps))


def write_image(path: Path, pixels: np.ndarray, kind: str = "uint8", **attributes) -> Path:
    """(H, W, C) written as `kind` (uint8, uint16, half, float); floats count from 0 to 1.

    Attributes are OpenImageIO's, with `__` for a colon; `window=(x, y, full width, full height)` places an exr's data.
    """
    height, width, channels = pixels.shape
    spec = oiio.ImageSpec(width, height, channels, kind)
    x, y, full_width, full_height = attributes.pop("window", (0, 0, width, height))
    spec.x, spec.y, spec.full_width, spec.full_height = x, y, full_width, full_height
    if names := attributes.pop("names", None):
        spec.channelnames = names
        spec.alpha_channel = names.index("A") if "A" in names else -1
    for name, value in attributes.items():
        kind_of_value = (
            "rational" if isinstance(value, tuple) else {int: "int", float: "float", str: "string"}[type(value)]
        )
        spec.attribute(name.replace("__", ":"), oiio.TypeDesc(kind_of_value), value)
    output = oiio.ImageOutput.create(str(path))
    assert output is not None, oiio.geterror()
    assert output.open(str(path), spec), output.geterror()
    assert output.write_image(np.ascontiguousarray(pixels)), output.geterror()
    output.close()
    return path


def write_movie(path: Path, pictures: list[np.ndarray], codec: str = "ffv1", rate: int = 25, **settings) -> Path:
    """RGB pictures, lossless by default. Settings: pix_fmt, times (in 1/1000 s), options, prepare(stream), aspect."""
    with av.open(str(path), "w", format=settings.get("container")) as movie:
        stream = movie.add_stream(codec, rate=rate, options=settings.get("options", {}))
        stream.height, stream.width = pictures[0].shape[:2]
        stream.pix_fmt = settings.get("pix_fmt", "bgr0")
        if "times" in settings:
            stream.codec_context.time_base = Fraction(1, 1000)
        if "aspect" in settings:
            stream.codec_context.sample_aspect_ratio = settings["aspect"]
        settings.get("prepare", lambda stream: None)(stream)
        for i, picture in enumerate(pictures):
            frame = av.VideoFrame.from_ndarray(picture, format="rgba" if picture.shape[2] == 4 else "rgb24")
            if "times" in settings:
                frame.pts, frame.time_base = settings["times"][i], Fraction(1, 1000)
            movie.mux(stream.encode(frame))
        movie.mux(stream.encode(None))
    return path


def write_yuv_movie(path: Path, color: tuple[int, int, int], matrix: str, full_range: bool, **settings) -> Path:
    """Two pictures of one sRGB color, coded losslessly in YUV by the formulas of the standard."""
    width, height = settings.get("size", (64, 48))
    bits = settings.get("bits", 8)
    values = [round(v * 2 ** (bits - 8)) for v in _yuv(color, matrix, full_range)]
    kind = np.uint8 if bits == 8 else np.uint16
    with av.open(str(path), "w") as movie:
        stream = movie.add_stream("libx264" if bits == 8 else "ffv1", rate=25)
        stream.width, stream.height = width, height
        stream.pix_fmt = settings.get("chroma", "yuv444p") + ("" if bits == 8 else f"{bits}le")
        if bits == 8:
            stream.options = {"qp": "0"}
        if settings.get("tagged", True):
            stream.codec_context.colorspace = {"bt709": 1, "bt601": 5}[matrix]
            stream.codec_context.color_range = 2 if full_range else 1
        for _ in range(2):
            frame = av.VideoFrame(width, height, stream.pix_fmt)
            for plane, value in zip(frame.planes, values):
                plane.update(np.full(plane.buffer_size // kind().itemsize, value, kind))
            if settings.get("tagged", True):
                frame.colorspace = stream.codec_context.colorspace
                frame.color_range = stream.codec_context.color_range
            movie.mux(stream.encode(frame))
        movie.mux(stream.encode(None))
    return path


def numbered_pictures(count: int, width: int = 64, height: int = 48) -> list[np.ndarray]:
    """Pictures that tell their own index: see `index_of`."""
    rng = np.random.default_rng(7)
    pictures = [rng.integers(0, 255, (height, width, 3), np.uint8) for _ in range(count)]
    for i, picture in enumerate(pictures):
        picture[:8, :8] = (i, i * 2 % 256, 255 - i)
    return pictures


def corners(width: int = 48, height: int = 32) -> np.ndarray:
    """Red, green, blue and white corners, clockwise from the top left, on gray: tells every turn and mirror."""
    picture = np.full((height, width, 3), 128, np.uint8)
    w, h = width // 4, height // 4
    picture[:h, :w], picture[:h, -w:], picture[-h:, -w:], picture[-h:, :w] = (
        (255, 0, 0),
        (0, 255, 0),
        (0, 0, 255),
        (255, 255, 255),
    )
    return picture


def _yuv(color: tuple[int, int, int], matrix: str, full_range: bool) -> tuple[float, float, float]:
    red, green, blue = (v / 255 for v in color)
    weight_red, weight_blue = LUMA[matrix]
    luma = weight_red * red + (1 - weight_red - weight_blue) * green + weight_blue * blue
    cb, cr = (blue - luma) / (2 * (1 - weight_blue)), (red - luma) / (2 * (1 - weight_red))
    if full_range:
        return luma * 255, 128 + cb * 255, 128 + cr * 255
    return 16 + luma * 219, 128 + cb * 224, 128 + cr * 224
