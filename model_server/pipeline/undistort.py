"""The plate as a camera without lens distortion would have seen it."""

import cv2
import numpy as np
from numpy.typing import NDArray

from model_server.geometry.plate_area import plate_positions
from model_server.geometry.shot import Array, Plate, Progress, Solution


def undistort_images(plate: Plate, solution: Solution, out: Array, progress: Progress) -> None:
    """Fill `out` with the undistorted images; same size, same intrinsics, black where the plate shows nothing.

    Args:
        plate: its (F, H, W, 3) images are distorted.
        solution: cameras and lens; a zoom has a focal length per frame.
        out: (F, H, W, 3) uint8, may be memory-mapped.
        progress: told after every frame.
    """
    maps = RemapTables(plate, solution)
    for frame in range(plate.frame_count):
        if solution.distortion.is_pinhole:
            out[frame] = plate.images[frame]
        else:
            x, y = maps.of(frame)
            out[frame] = cv2.remap(np.asarray(plate.images[frame]), x, y, cv2.INTER_LINEAR)
        progress((frame + 1) / plate.frame_count)


class RemapTables:
    """OpenCV's tables (integer pixel centers), kept while the intrinsics stay the same."""

    def __init__(self, plate: Plate, solution: Solution) -> None:
        self._plate, self._solution = plate, solution
        self._made_for: NDArray[np.float64] | None = None
        self._tables: tuple[NDArray[np.float32], NDArray[np.float32]] | None = None

    def of(self, frame: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        intrinsics = self._solution.intrinsics[frame]
        if self._tables is None or self._made_for is None or not np.array_equal(intrinsics, self._made_for):
            height, width = self._plate.images.shape[1:3]
            positions = plate_positions(width, height, self._plate.pixels, intrinsics, self._solution.distortion) - 0.5
            self._tables = positions[..., 0].astype(np.float32), positions[..., 1].astype(np.float32)
            self._made_for = intrinsics
        return self._tables
