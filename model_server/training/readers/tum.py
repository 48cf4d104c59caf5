"""TUM RGB-D's dynamic objects, in the 90 frames of MonST3R's protocol (MODEL_SPEC section 6).

Source: the dataset's page on file formats and intrinsics; MonST3R's datasets_preprocess/prepare_tum.py.
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
    associated,
    image_and_depth,
    nearest,
    read_file_list,
    read_trajectory,
)

_EVERY, _MOST = 3, 90
_DEPTH_PER_METER = 5000

# Calibrated color cameras of the dataset's page, first pixel's center at (0, 0). The images of freiburg3 have no
# distortion left; that of the other two is not undone here. Official code takes 525, 525, 319.5, 239.5 for all.
_CAMERAS = {
    "freiburg1": (517.3, 516.5, 318.6, 255.3),
    "freiburg2": (520.9, 521.0, 325.1, 249.7),
    "freiburg3": (535.4, 539.2, 320.1, 247.6),
}
_OTHER_CAMERA = (525.0, 525.0, 319.5, 239.5)


@dataclass(frozen=True)
class _Frames:
    images: list[str]
    depths: list[str | None]
    world_from_cameras: NDArray[np.float64]


class TumReader:
    """Frames that have a pose within 0.02 s, every third of them, 90 at most; each with the nearest pose.

    Depth is a 16-bit png, 5000 a meter, on the pixels of the color image, the nearest within 0.02 s; where there is
    none, the frame's depth is unknown. Poses are world from camera, x right, y down, z forward.
    """

    name = "tum"

    def __init__(self, root: Path) -> None:
        """Root holds the sequences. Raises BadInput: a sequence lacks a list, or no frame has a pose."""
        self._files = DatasetFiles(
            "TUM RGB-D",
            root,
            "SEQUENCE/{rgb.txt, depth.txt, groundtruth.txt, rgb/TIME.png, depth/TIME.png}",
            "cvg.cit.tum.de/data/datasets/rgbd-dataset (dynamic objects, freiburg3)",
        )
        self._folders = {path.name: path for path in self._files.sequence_folders("*", "rgb", "rgb.txt")}
        self._chosen = lru_cache(maxsize=None)(self._choose)
        self.sequences = tuple(SequenceInfo(name, len(self._chosen(name).images)) for name in self._folders)

    def frame(self, sequence: str, index: int) -> FrameTruth:
        """See FootageReader."""
        folder, frames = self._folders[sequence], self._chosen(sequence)
        names = frames.images[index], frames.depths[index]
        image, depth = image_and_depth(self._files, sequence, folder, *names, _DEPTH_PER_METER)
        camera = next((camera for key, camera in _CAMERAS.items() if key in sequence), _OTHER_CAMERA)
        return FrameTruth(
            image=image,
            depth=depth,
            camera_from_world=np.linalg.inv(frames.world_from_cameras[index]),
            intrinsics=with_corner_pixels(pinhole(*camera)),
        )

    def _choose(self, sequence: str) -> _Frames:
        folder = self._folders[sequence]
        image_times, images = read_file_list(self._files, sequence, folder / "rgb.txt")
        depth_times, depths = read_file_list(self._files, sequence, folder / "depth.txt")
        pose_times, poses = read_trajectory(self._files, sequence, folder / "groundtruth.txt")
        pairs = associated(image_times, pose_times)[::_EVERY][:_MOST]
        if not pairs:
            raise self._files.damaged(sequence, folder / "groundtruth.txt", "no pose is within 0.02 s of an image")
        near = [nearest(depth_times, image_times[i]) for i, _ in pairs]
        return _Frames(
            images=[images[i] for i, _ in pairs],
            depths=[None if k is None else depths[k] for k in near],
            world_from_cameras=poses[[j for _, j in pairs]],
        )
