"""MPI Sintel, the training set's final pass with depth and cameras.

Source: the depth set's own README and sdk/python/sintel_io.py; MonST3R's data scripts for the moving masks.
"""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from model_server.training.readers.dataset_files import DatasetFiles
from model_server.training.readers.pinhole import square_matrix, with_corner_pixels
from model_server.training.readers.reader import FrameTruth, SequenceInfo

_TAG = 202021.25  # the first number of all of Sintel's own files
_MASK_FOLDERS = ("dynamic_label_perfect", "dynamic_label")


class SintelReader:
    """23 sequences of 20 to 50 frames, 1024 x 436.

    Files: `.dpt` is a tag, width, height and float32 depth along the axis in meters; `.cam` is a tag, the 3 x 3
    intrinsics and the 3 x 4 camera from world, float64, x right, y down, z forward. The first pixel's center is (0, 0).
    What moves is known where MonST3R's script has written masks for a sequence; the last frame then still has none.
    """

    name = "sintel"

    def __init__(self, root: Path) -> None:
        """Root holds `training`. Raises BadInput: a sequence lacks a file."""
        self._files = DatasetFiles(
            "MPI Sintel",
            root,
            "training/{final,depth,camdata_left}/SEQUENCE/frame_0001.{png,dpt,cam}",
            "sintel.is.tue.mpg.de (images, and depth and camera motion)",
        )
        folders = self._files.sequence_folders("training/final/*")
        self._frames = {folder.name: self._frame_names(folder) for folder in folders}
        self.sequences = tuple(SequenceInfo(name, len(frames)) for name, frames in self._frames.items())

    def frame(self, sequence: str, index: int) -> FrameTruth:
        """See FootageReader."""
        name = self._frames[sequence][index]
        intrinsics, camera_from_world = self._camera(sequence, self._path("camdata_left", sequence, f"{name}.cam"))
        image = self._files.image(sequence, self._path("final", sequence, f"{name}.png"))
        depth_path = self._path("depth", sequence, f"{name}.dpt")
        return FrameTruth(
            image=image,
            depth=self._files.depth(sequence, depth_path, self._depth(sequence, depth_path), image),
            camera_from_world=camera_from_world,
            intrinsics=with_corner_pixels(intrinsics),
            moving=self._moving(sequence, name),
        )

    def _frame_names(self, folder: Path) -> tuple[str, ...]:
        sequence = folder.name
        names = tuple(name.removesuffix(".png") for name in self._files.names(sequence, folder, "frame_*.png"))
        self._files.require(sequence, self._path("depth", sequence), [f"{name}.dpt" for name in names])
        self._files.require(sequence, self._path("camdata_left", sequence), [f"{name}.cam" for name in names])
        return names

    def _path(self, kind: str, *rest: str) -> Path:
        return self._files.root.joinpath("training", kind, *rest)

    def _depth(self, sequence: str, path: Path) -> NDArray[np.float32]:
        content = self._tagged(sequence, path, least=8)
        width, height = np.frombuffer(content, "<i4", 2)
        if width <= 0 or height <= 0 or len(content) != 8 + 4 * int(width) * int(height):
            raise self._files.damaged(sequence, path, f"it is not {width} x {height} numbers")
        return np.frombuffer(content, "<f4", offset=8).reshape(height, width)

    def _camera(self, sequence: str, path: Path) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        numbers = np.frombuffer(self._tagged(sequence, path, least=21 * 8), "<f8", 21)
        return numbers[:9].reshape(3, 3), square_matrix(numbers[9:].reshape(3, 4))

    def _tagged(self, sequence: str, path: Path, least: int) -> bytes:
        content = self._files.content(sequence, path)
        if len(content) < 4 + least or np.frombuffer(content, "<f4", 1)[0] != np.float32(_TAG):
            raise self._files.damaged(sequence, path, "it is cut off, or not one of Sintel's files")
        return content[4:]

    def _moving(self, sequence: str, name: str) -> NDArray[np.bool_] | None:
        paths = [self._path(folder, sequence, f"{name}.png") for folder in _MASK_FOLDERS]
        found = [path for path in paths if path.is_file()]
        return self._files.mask(sequence, found[0]) if found else None
