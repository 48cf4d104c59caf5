"""Bonn RGB-D Dynamic, in the 110 frames of MonST3R's protocol (MODEL_SPEC section 6).

Source: the dataset's page (calibration, and how its poses relate to the camera); MonST3R's prepare_bonn.py.
"""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from model_server.training.readers.dataset_files import DatasetFiles
from model_server.training.readers.pinhole import pinhole, with_corner_pixels
from model_server.training.readers.reader import FrameTruth, SequenceInfo
from model_server.training.readers.stamped_files import (
    NEAR_S,
    image_and_depth,
    nearest,
    read_file_list,
    read_trajectory,
)

_FIRST, _LAST = 30, 140
_DEPTH_PER_METER = 5000
_CAMERA = (542.822841, 542.576870, 315.593520, 237.756098)  # first pixel's center at (0, 0)

# The page's two matrices. Poses are those of markers on the camera, in axes that the recording mixed up.
_MIXED_AXES = np.array([[-1.0, 0, 0, 0], [0, 0, 1, 0], [0, 1, 0, 0], [0, 0, 0, 1]])
_MARKERS_FROM_CAMERA = np.array(
    [
        [1.0157, 0.1828, -0.2389, 0.0113],
        [0.0009, -0.8431, -0.6413, -0.0098],
        [-0.3009, 0.6147, -0.8085, 0.0111],
        [0.0, 0.0, 0.0, 1.0],
    ]
)


@dataclass(frozen=True)
class _Frames:
    images: list[str]
    depths: list[str | None]
    world_from_markers: NDArray[np.float64]


class BonnReader:
    """Frames 30 to 139 of each sequence, 640 x 480, with the pose and the depth nearest in time within 0.02 s.

    Depth is a 16-bit png, 5000 a meter, on the pixels of the color image. The camera, x right, y down, z forward, is
    world_from_camera = A^-1 P A M with the file's pose P and the page's A (axes) and M (markers from camera), whose
    published rotation is replaced by the rotation nearest to it: it scales by up to 8 %, which no camera does.
    The color image's slight distortion (0.04, -0.1) is not undone. Official code pairs images, depths and poses by
    their place in the lists instead, which is another time where the lists have gaps.
    """

    name = "bonn"

    def __init__(self, root: Path) -> None:
        """Root holds the sequences. Raises BadInput: a sequence lacks a list, or a frame its pose."""
        self._files = DatasetFiles(
            "Bonn RGB-D Dynamic",
            root,
            "rgbd_bonn_SEQUENCE/{rgb.txt, depth.txt, groundtruth.txt, rgb/TIME.png, depth/TIME.png}",
            "www.ipb.uni-bonn.de/data/rgbd-dynamic-dataset",
        )
        self._folders = {path.name: path for path in self._files.sequence_folders("rgbd_bonn_*")}
        self._chosen = lru_cache(maxsize=None)(self._choose)
        self.sequences = tuple(SequenceInfo(name, len(self._chosen(name).images)) for name in self._folders)

    def frame(self, sequence: str, index: int) -> FrameTruth:
        """See FootageReader."""
        folder, frames = self._folders[sequence], self._chosen(sequence)
        names = frames.images[index], frames.depths[index]
        image, depth = image_and_depth(self._files, sequence, folder, *names, _DEPTH_PER_METER)
        axes = np.linalg.inv(_MIXED_AXES)
        world_from_camera = axes @ frames.world_from_markers[index] @ _MIXED_AXES @ _rigid_markers_from_camera()
        return FrameTruth(
            image=image,
            depth=depth,
            camera_from_world=np.linalg.inv(world_from_camera),
            intrinsics=with_corner_pixels(pinhole(*_CAMERA)),
        )

    def _choose(self, sequence: str) -> _Frames:
        folder = self._folders[sequence]
        image_times, images = read_file_list(self._files, sequence, folder / "rgb.txt")
        depth_times, depths = read_file_list(self._files, sequence, folder / "depth.txt")
        pose_times, poses = read_trajectory(self._files, sequence, folder / "groundtruth.txt")
        times, images = image_times[_FIRST:_LAST], images[_FIRST:_LAST]
        if not images:
            raise self._files.damaged(sequence, folder / "rgb.txt", f"it lists no more than {_FIRST} images")
        of_depth, of_pose = (
            [nearest(depth_times, time) for time in times],
            [nearest(pose_times, time) for time in times],
        )
        lost = [name for name, pose in zip(images, of_pose) if pose is None]
        if lost:
            reason = f"no pose is within {NEAR_S} s of {lost[0]}"
            raise self._files.damaged(sequence, folder / "groundtruth.txt", reason)
        return _Frames(
            images=images,
            depths=[None if k is None else depths[k] for k in of_depth],
            world_from_markers=poses[[pose for pose in of_pose if pose is not None]],
        )


def _rigid_markers_from_camera() -> NDArray[np.float64]:
    """(4, 4): the page's matrix with the rotation that is nearest to its upper left."""
    left, _, right = np.linalg.svd(_MARKERS_FROM_CAMERA[:3, :3])
    matrix = _MARKERS_FROM_CAMERA.copy()
    matrix[:3, :3] = left @ right
    return matrix
