"""PointOdyssey, one of its splits.

Source: the dataset's page; MODEL_SPEC 5.5 and MonST3R's pointodyssey.py for the units of `anno.npz` and depth.
"""

from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from model_server.training.readers.dataset_files import DatasetFiles
from model_server.training.readers.reader import FrameTruth, SequenceInfo

_STEPS, _FARTHEST_M = 65535, 1000.0


class PointOdysseyReader:
    """Sequences of some thousand frames, 960 x 540.

    Depth is a 16-bit png, 65535 for 1000 m, along the axis: steps of 1.5 cm. Its last step says no more than "as far
    or farther", so it is not known here; official code takes it for 1000 m. In `anno.npz` the camera is (frames, 4, 4)
    camera from world, x right, y down, z forward, and (frames, 3, 3) intrinsics of Blender, whose pixel (0, 0) is the
    corner. Frame 7 of both belongs to `rgb_00007.jpg`.
    """

    name = "point_odyssey"

    def __init__(self, root: Path) -> None:
        """Root is a split: `train`, `val` or `test`. Raises BadInput: a sequence lacks a file."""
        self._files = DatasetFiles(
            "PointOdyssey",
            root,
            "SEQUENCE/{rgbs/rgb_00000.jpg, depths/depth_00000.png, anno.npz}",
            "pointodyssey.com",
        )
        self._folders = {path.name: path for path in self._files.sequence_folders("*", "rgbs", "anno.npz")}
        self._frames = {name: self._frame_numbers(name, folder) for name, folder in self._folders.items()}
        self._cameras = lru_cache(maxsize=32)(self._read_cameras)
        self.sequences = tuple(SequenceInfo(name, len(frames)) for name, frames in self._frames.items())

    def frame(self, sequence: str, index: int) -> FrameTruth:
        """See FootageReader."""
        folder, number = self._folders[sequence], self._frames[sequence][index]
        intrinsics, cameras_from_world = self._cameras(sequence)
        if int(number) >= len(intrinsics):
            reason = f"it has {len(intrinsics)} cameras, none for frame {number}"
            raise self._files.damaged(sequence, folder / "anno.npz", reason)
        image = self._files.image(sequence, folder / "rgbs" / f"rgb_{number}.jpg")
        path = folder / "depths" / f"depth_{number}.png"
        steps = self._files.png16(sequence, path)
        stored = np.where(steps < _STEPS, steps, 0)
        return FrameTruth(
            image=image,
            depth=self._files.depth(sequence, path, stored, image, _STEPS / _FARTHEST_M),
            camera_from_world=cameras_from_world[int(number)],
            intrinsics=intrinsics[int(number)],
        )

    def _frame_numbers(self, sequence: str, folder: Path) -> tuple[str, ...]:
        names = self._files.names(sequence, folder / "rgbs", "rgb_*.jpg")
        numbers = tuple(name.removeprefix("rgb_").removesuffix(".jpg") for name in names)
        if not all(number.isdecimal() for number in numbers):
            raise self._files.damaged(sequence, folder / "rgbs", "an image of it has no number")
        self._files.require(sequence, folder / "depths", [f"depth_{number}.png" for number in numbers])
        self._files.require(sequence, folder, ["anno.npz"])
        return numbers

    def _read_cameras(self, sequence: str) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        path = self._folders[sequence] / "anno.npz"
        intrinsics, extrinsics = self._files.npz(sequence, path, ["intrinsics", "extrinsics"])
        if intrinsics.shape[1:] != (3, 3) or extrinsics.shape != (len(intrinsics), 4, 4):
            raise self._files.damaged(sequence, path, "its cameras are not 3 x 3 and 4 x 4")
        return intrinsics.astype(np.float64), extrinsics.astype(np.float64)
