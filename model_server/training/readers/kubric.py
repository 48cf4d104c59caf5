"""Kubric's MOVi scenes, as its worker scripts write them.

Source: google-research/kubric (challenges/movi/README.md, kubric/core/cameras.py); MODEL_SPEC 5.5 for the depth.
"""

from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from model_server.training.readers.dataset_files import DatasetFiles
from model_server.training.readers.pinhole import pinhole, rigid
from model_server.training.readers.reader import FrameTruth, SequenceInfo

_OURS_FROM_BLENDER = np.diag([1.0, -1.0, -1.0])  # Blender's cameras: x right, y up, z backward


class KubricReader:
    """24 frames a scene.

    The tiff holds the distance from the camera's center, not the depth along the axis; both in meters. A camera is,
    in `metadata.json`, a position and a quaternion w, x, y, z, world from camera, Blender's axes, and the horizontal
    field of view in radians; its axis meets the middle of the image, its pixels are square (official code stretches
    them where the image is not square). (0, 0) is the corner.
    """

    name = "kubric"

    def __init__(self, root: Path) -> None:
        """Root holds the scenes. Raises BadInput: a scene lacks a file."""
        self._files = DatasetFiles(
            "Kubric MOVi",
            root,
            "SCENE/{rgba_00000.png, depth_00000.tiff, metadata.json}",
            "github.com/google-research/kubric (challenges/movi)",
        )
        self._folders = {
            path.name: path for path in self._files.sequence_folders("*", "metadata.json", "rgba_00000.png")
        }
        self._frames = {name: self._frame_numbers(name, folder) for name, folder in self._folders.items()}
        self._camera = lru_cache(maxsize=256)(self._read_camera)
        self.sequences = tuple(SequenceInfo(name, len(frames)) for name, frames in self._frames.items())

    def frame(self, sequence: str, index: int) -> FrameTruth:
        """See FootageReader."""
        folder, number = self._folders[sequence], self._frames[sequence][index]
        image = self._files.image(sequence, folder / f"rgba_{number}.png")
        height, width = image.shape[:2]
        positions, quaternions, field_of_view = self._camera(sequence)
        if int(number) >= len(positions):
            raise self._files.damaged(sequence, folder / "metadata.json", f"it has no camera for frame {number}")
        focal = width / 2 / np.tan(field_of_view / 2)
        intrinsics = pinhole(focal, focal, width / 2, height / 2)
        quaternion = np.roll(quaternions[int(number)], -1)  # w first in the file, last in scipy
        rotation = _OURS_FROM_BLENDER @ Rotation.from_quat(quaternion).as_matrix().T
        path = folder / f"depth_{number}.tiff"
        distance = self._files.depth(sequence, path, self._files.float_image(sequence, path), image)
        return FrameTruth(
            image=image,
            depth=distance / _ray_lengths(intrinsics, width, height),
            camera_from_world=rigid(rotation, -rotation @ positions[int(number)]),
            intrinsics=intrinsics,
        )

    def _frame_numbers(self, sequence: str, folder: Path) -> tuple[str, ...]:
        names = self._files.names(sequence, folder, "rgba_*.png")
        numbers = tuple(name.removeprefix("rgba_").removesuffix(".png") for name in names)
        if not all(number.isdecimal() for number in numbers):
            raise self._files.damaged(sequence, folder, "an image of it has no number")
        self._files.require(sequence, folder, ["metadata.json", *(f"depth_{number}.tiff" for number in numbers)])
        return numbers

    def _read_camera(self, sequence: str) -> tuple[NDArray[np.float64], NDArray[np.float64], float]:
        path = self._folders[sequence] / "metadata.json"
        stored: Any = self._files.json(sequence, path)
        try:
            camera = stored["camera"]
            positions = np.array(camera["positions"], np.float64).reshape(-1, 3)
            quaternions = np.array(camera["quaternions"], np.float64).reshape(len(positions), 4)
            field_of_view = float(camera["field_of_view"])
        except (KeyError, TypeError, ValueError) as error:
            raise self._files.damaged(sequence, path, "its camera is not described as expected") from error
        if not 0 < field_of_view < np.pi or (np.linalg.norm(quaternions, axis=1) == 0).any():
            raise self._files.damaged(sequence, path, "its camera has no field of view, or no rotation")
        return positions, quaternions, field_of_view


def _ray_lengths(intrinsics: NDArray[np.float64], width: int, height: int) -> NDArray[np.float32]:
    """(H, W): how far away a point of depth 1 is that the pixel's center shows."""
    x = (np.arange(width) + 0.5 - intrinsics[0, 2]) / intrinsics[0, 0]
    y = (np.arange(height) + 0.5 - intrinsics[1, 2]) / intrinsics[1, 1]
    lengths: NDArray[np.float32] = np.sqrt(1 + x[None, :] ** 2 + y[:, None] ** 2).astype(np.float32)
    return lengths
