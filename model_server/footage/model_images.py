"""The clip at the size that an engine looks at."""

from pathlib import Path
from typing import Any

import numpy as np

from model_server.footage.check import run_checked
from model_server.footage.source import OpenClip, source_of
from model_server.footage.write_images import draft_of
from model_server.geometry.pixel_map import PixelMap, fit_long_side
from model_server.geometry.shot import Progress


def model_images(
    clip: OpenClip, long_side: int, out: Path, progress: Progress, multiple: int = 1
) -> tuple["np.memmap[Any, np.dtype[np.uint8]]", PixelMap]:
    """Decode the whole clip once, in a process of its own, into pictures of the engine's size.

    Nothing is cropped, and anamorphic pixels stay as they are stored. Pictures are never made larger.

    Args:
        clip: from `open_clip`.
        long_side: of the result, pixels.
        out: a .npy file to write; it appears when it is whole.
        progress: gets the share that is done.
        multiple: what both sides must be a multiple of, where the engine needs that.

    Returns:
        (F, H, W, 3) uint8 sRGB, memory-mapped from `out`, and the map from its pixels to the footage's.

    Raises:
        BadFootage: a frame can't be decoded; for movies the message says how many can.
    """
    info = clip.info
    width, height = fit_long_side(info.width, info.height, long_side, multiple)
    work = {
        "do": "write_images",
        "name": info.name,
        "source": source_of(clip).to_json(),
        "size": [width, height],
        "out": str(out.absolute()),
    }
    try:
        run_checked(work, info.name, progress)
    finally:
        draft_of(out).unlink(missing_ok=True)
    images = np.load(out, mmap_mode="r", allow_pickle=False)
    return images, PixelMap(scale=(info.width / width, info.height / height))
