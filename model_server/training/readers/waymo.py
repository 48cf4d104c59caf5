"""Waymo Open (perception), as DUSt3R's preprocess_waymo.py leaves it: 512 pixels wide, LiDAR depth, one camera a file.

The records of Waymo themselves need TensorFlow to read; MonST3R and CUT3R train on this form as well.
"""

from pathlib import Path

import numpy as np

from model_server.training.readers.dataset_files import DatasetFiles
from model_server.training.readers.pinhole import with_corner_pixels
from model_server.training.readers.reader import FrameTruth, SequenceInfo

_FRONT = 1  # the only one of the five cameras that official training reads


class WaymoReader:
    """About 200 frames a segment, of the camera that looks ahead.

    Depth is an exr of one float channel, meters along the axis, 0 where no LiDAR point fell: most pixels. The npz
    holds `intrinsics`, the first pixel's center at (0, 0), and `cam2world`, x right, y down, z forward (the script
    has turned Waymo's x forward, y left, z up). The lens's slight distortion is not undone, there or here.
    """

    name = "waymo"

    def __init__(self, root: Path) -> None:
        """Root holds the segments. Raises BadInput: a segment lacks a file."""
        self._files = DatasetFiles(
            "Waymo",
            root,
            "SEGMENT.tfrecord/{00000_1.jpg, 00000_1.exr, 00000_1.npz} (from DUSt3R's preprocess_waymo.py)",
            "waymo.com/open (perception, 1.4.2)",
        )
        self._folders = {path.name: path for path in self._files.sequence_folders("*.tfrecord")}
        self._frames = {name: self._frame_names(name, folder) for name, folder in self._folders.items()}
        self.sequences = tuple(SequenceInfo(name, len(frames)) for name, frames in self._frames.items())

    def frame(self, sequence: str, index: int) -> FrameTruth:
        """See FootageReader."""
        stem = self._folders[sequence] / self._frames[sequence][index]
        image = self._files.image(sequence, stem.with_suffix(".jpg"))
        path = stem.with_suffix(".exr")
        depth = self._files.depth(sequence, path, self._files.float_image(sequence, path), image)
        path = stem.with_suffix(".npz")
        intrinsics, world_from_camera = self._files.npz(sequence, path, ["intrinsics", "cam2world"])
        if intrinsics.shape != (3, 3) or world_from_camera.shape != (4, 4):
            raise self._files.damaged(sequence, path, "its camera is not 3 x 3 and 4 x 4")
        return FrameTruth(
            image=image,
            depth=depth,
            camera_from_world=np.linalg.inv(world_from_camera.astype(np.float64)),
            intrinsics=with_corner_pixels(intrinsics),
        )

    def _frame_names(self, sequence: str, folder: Path) -> tuple[str, ...]:
        names = [name.removesuffix(".jpg") for name in self._files.names(sequence, folder, f"*_{_FRONT}.jpg")]
        self._files.require(sequence, folder, [f"{name}{suffix}" for name in names for suffix in (".exr", ".npz")])
        return tuple(names)
