"""DynamicReplica, one of its splits.

Source: facebookresearch/dynamic_stereo (README, datasets/dynamic_stereo_datasets.py); PyTorch3D for its cameras.
"""

from pathlib import Path

import numpy as np

from model_server.errors import BadInput
from model_server.training.readers.dataset_files import DatasetFiles
from model_server.training.readers.frame_annotations import read_annotations
from model_server.training.readers.reader import FrameTruth, SequenceInfo


class DynamicReplicaReader:
    """300 frames a sequence and eye, 1280 x 720; each eye is a sequence of its own.

    Depth is a png of 16 bits that are a half float, meters along the axis. Cameras are PyTorch3D's, in the split's
    `frame_annotations_*.jgz`, brought to x right, y down, z forward; (0, 0) is the corner of the image.
    """

    name = "dynamic_replica"

    def __init__(self, root: Path) -> None:
        """Root is a split: `train`, `valid` or `test`. Raises BadInput: there are no annotations, or broken ones."""
        self._files = DatasetFiles(
            "DynamicReplica",
            root,
            "frame_annotations_SPLIT.jgz and SEQUENCE_source_{left,right}/{images/*.png, depths/*.geometric.png}",
            "dynamic-stereo.github.io",
        )
        self._annotations = sorted(root.glob("frame_annotations_*.jgz"))
        if not self._annotations:
            known = self._files.sequence_folders("*_source_*")  # or there is nothing of the dataset at all
            raise self._files.missing(known[0].name, root / "frame_annotations_*.jgz")
        self._frames = {
            f"{sequence}_source_{camera}" if camera else sequence: frames
            for (sequence, camera), frames in read_annotations(self._files, self._annotations[0]).items()
        }
        if not self._frames:
            raise BadInput(f"'{self._annotations[0]}' describes no frame", hint=f"download it from {self._files.page}")
        self.sequences = tuple(SequenceInfo(name, len(frames)) for name, frames in self._frames.items())

    def frame(self, sequence: str, index: int) -> FrameTruth:
        """See FootageReader."""
        described = self._frames[sequence][index]
        image_path, depth_path = [
            self._files.listed(sequence, self._annotations[0], name) for name in (described.image, described.depth)
        ]
        image = self._files.image(sequence, image_path)
        stored = self._files.png16(sequence, depth_path).view(np.float16).astype(np.float32)
        depth = self._files.depth(sequence, depth_path, stored, image)
        return FrameTruth(image, depth, described.camera_from_world, described.intrinsics)
