"""Every frame of a clip at the engine's size, written as one array. Runs where a decoder may crash, see check.py."""

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np

from model_server.footage.source import Source, clip_of


def write_images(source: Source, size: tuple[int, int], out: Path, progress: Callable[[float], None]) -> None:
    """Write `out`, a .npy of (F, H, W, 3) uint8; the file is there only when it is whole.

    Args:
        source: the clip, checked.
        size: (W, H); smaller pictures are averaged over area, which keeps fine texture from aliasing.
        out: the file to write.
        progress: gets the share that is done.

    Raises:
        BadFootage: a frame can't be decoded.
    """
    clip = clip_of(source)
    width, height = size
    shape = (clip.info.frame_count, height, width, 3)
    draft = draft_of(out)
    with draft.open("wb") as file:  # not a memory map: that would count against the limit on address space
        np.lib.format.write_array_header_1_0(
            file, {"descr": np.lib.format.dtype_to_descr(np.dtype(np.uint8)), "fortran_order": False, "shape": shape}
        )
        for index in range(clip.info.frame_count):
            picture = clip.frame(index)
            file.write(cv2.resize(picture, size, interpolation=cv2.INTER_AREA).tobytes())
            progress((index + 1) / clip.info.frame_count)
    draft.replace(out)


def draft_of(out: Path) -> Path:
    """Where the images lie until they are whole."""
    return out.with_name(out.name + ".part")
