"""Files and poses that know only when they were taken, as TUM RGB-D and those who follow it store them."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from model_server.training.readers.dataset_files import DatasetFiles
from model_server.training.readers.pinhole import rigid

NEAR_S = 0.02  # the published tools take two things for simultaneous that are less than this apart


def read_file_list(files: DatasetFiles, sequence: str, path: Path) -> tuple[NDArray[np.float64], list[str]]:
    """Times in seconds, ascending, and the file that belongs to each: `rgb.txt`, `depth.txt`."""
    lines = files.lines(sequence, path)
    try:
        pairs = sorted((float(line[0]), line[1]) for line in lines)
    except (ValueError, IndexError) as error:
        raise files.damaged(sequence, path, "a line of it is no time and file") from error
    if not pairs:
        raise files.damaged(sequence, path, "it lists no file")
    return np.array([time for time, _ in pairs]), [name for _, name in pairs]


def read_trajectory(files: DatasetFiles, sequence: str, path: Path) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Times in seconds, ascending, and (poses, 4, 4) world from camera: `groundtruth.txt`, t x y z qx qy qz qw."""
    table = files.numbers(sequence, path, columns=8)
    table = table[np.argsort(table[:, 0], kind="stable")]
    if (np.linalg.norm(table[:, 4:], axis=1) == 0).any():
        raise files.damaged(sequence, path, "a quaternion of it is zero")
    return table[:, 0], np.stack([rigid(Rotation.from_quat(row[4:]).as_matrix(), row[1:4]) for row in table])


def image_and_depth(
    files: DatasetFiles, sequence: str, folder: Path, image_name: str, depth_name: str | None, per_meter: float
) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """What the lists of a folder name: the image (H, W, 3) sRGB, and its depth (H, W) in meters, 0 unknown.

    Args:
        depth_name: a 16-bit png; None: no depth was taken then.
        per_meter: how many of its units are a meter.
    """
    image = files.image(sequence, files.listed(sequence, folder / "rgb.txt", image_name))
    if depth_name is None:
        return image, np.zeros(image.shape[:2], np.float32)
    path = files.listed(sequence, folder / "depth.txt", depth_name)
    return image, files.depth(sequence, path, files.png16(sequence, path), image, per_meter)


def associated(first: NDArray[np.float64], second: NDArray[np.float64]) -> list[tuple[int, int]]:
    """Pairs of indexes whose times are near, closest pairs first, each time used once; in the order of `first`.

    What TUM's own `associate.py` gives, for times that ascend.
    """
    low, high = np.searchsorted(second, first - NEAR_S), np.searchsorted(second, first + NEAR_S, side="right")
    near = [(abs(first[i] - second[j]), i, j) for i in range(len(first)) for j in range(low[i], high[i])]
    taken: set[int] = set()
    pairs: dict[int, int] = {}
    for apart, i, j in sorted(near):
        if apart < NEAR_S and i not in pairs and j not in taken:
            pairs[i] = j
            taken.add(j)
    return sorted(pairs.items())


def nearest(times: NDArray[np.float64], time: float) -> int | None:
    """Index of the time that is closest, None where none is near."""
    index = int(np.argmin(np.abs(times - time)))
    return index if abs(times[index] - time) <= NEAR_S else None
