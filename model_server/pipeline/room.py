"""Whether the disk has room for a solve, asked before anything is written."""

import shutil
from pathlib import Path

from model_server.errors import ServerError

# Bytes a model pixel and frame: workspace (two sets of images, depth and confidence of two stages, motion,
# people, layers, an engine's own maps: depth, confidence, motion) and package; 10 % more for tracks, mattes and points.
_BYTES_PER_PIXEL = 1.1 * ((3 + 3 + 6 + 6 + 1 + 1 + 1 + 10) + (3 + 4 + 2 + 1 + 1))
_BYTES_ALWAYS = 64 << 20


class NoRoom(ServerError):
    """The disk is full, or would be before the work is done."""

    status, code = 507, "disk_full"


def need_room(frame_count: int, width: int, height: int, folder: Path) -> None:
    """Check that a solve of `frame_count` images of `width` x `height` fits on the disk of `folder`.

    Raises:
        NoRoom: it does not; the message says how much is missing.
    """
    need = _BYTES_ALWAYS + int(frame_count * width * height * _BYTES_PER_PIXEL)
    free = shutil.disk_usage(folder).free
    if free < need:
        raise NoRoom(
            f"{frame_count} frames need about {need / 1e9:.1f} GB of disk in {folder}; {free / 1e9:.1f} GB are free",
            hint="free some space, or solve fewer frames with --frames or --step",
        )
