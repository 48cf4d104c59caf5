"""Whether files of some gigabytes will fit, asked before anything is written."""

import shutil
from pathlib import Path

from model_server.errors import BadInput

_MARGIN = 100 << 20  # bytes that stay free


class DiskFull(BadInput):
    """There is too little room for the weights."""

    status, code = 507, "disk_full"


def require_room(folder: Path, byte_count: int) -> None:
    """See that `byte_count` more bytes fit into `folder`, which is there.

    Raises:
        DiskFull: they do not.
    """
    free = shutil.disk_usage(folder).free
    if free < byte_count + _MARGIN:
        raise DiskFull(
            f"{(byte_count + _MARGIN) / 1e9:.2f} GB are needed in {folder}; {free / 1e9:.2f} GB are free",
            hint="make room, or set PAGE4D_WEIGHTS_DIR to a folder on another disk",
        )
