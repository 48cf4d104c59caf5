"""Common Objects in 3D (CO3Dv2).

Source: facebookresearch/co3d (README, co3d/dataset/data_types.py); PyTorch3D for its cameras.
"""

from pathlib import Path

import numpy as np

from model_server.training.readers.dataset_files import DatasetFiles
from model_server.training.readers.frame_annotations import AnnotatedFrame, read_annotations
from model_server.training.readers.reader import FrameTruth, SequenceInfo


class Co3dReader:
    """About 100 or 200 views around a still thing; sequences are called `apple/110_13051_23361`.

    Depth is a png of 16 bits that are a half float, along the axis, to be multiplied with the frame's
    `scale_adjustment`; it is known where the frame's depth mask is white. Its unit is each sequence's own. Cameras
    are PyTorch3D's, brought to x right, y down, z forward; (0, 0) is the corner of the image. Nothing moves, so
    `moving` is known. The annotations of all 51 categories take about 1.5 GB of memory.
    """

    name = "co3d"

    def __init__(self, root: Path) -> None:
        """Root holds the categories. Raises BadInput: a category has no annotations, or broken ones."""
        self._files = DatasetFiles(
            "CO3D",
            root,
            "CATEGORY/frame_annotations.jgz and "
            "CATEGORY/SEQUENCE/{images/*.jpg, depths/*.jpg.geometric.png, depth_masks/*.png}",
            "github.com/facebookresearch/co3d (CO3Dv2)",
        )
        categories = self._files.sequence_folders("*", "frame_annotations.jgz", "*/images")
        self._frames: dict[str, list[AnnotatedFrame]] = {}
        for category in categories:
            annotated = read_annotations(self._files, category / "frame_annotations.jgz")
            self._frames |= {f"{category.name}/{sequence}": frames for (sequence, _), frames in annotated.items()}
        self.sequences = tuple(SequenceInfo(name, len(frames)) for name, frames in self._frames.items())

    def frame(self, sequence: str, index: int) -> FrameTruth:
        """See FootageReader."""
        described = self._frames[sequence][index]
        listing = self._files.root / "frame_annotations.jgz"  # its paths are relative to the root
        image = self._files.image(sequence, self._files.listed(sequence, listing, described.image))
        path = self._files.listed(sequence, listing, described.depth)
        stored = self._files.png16(sequence, path).view(np.float16).astype(np.float32) * described.depth_scale
        depth = self._files.depth(sequence, path, stored, image)
        if described.depth_mask is not None:
            depth[~self._files.mask(sequence, self._files.listed(sequence, listing, described.depth_mask))] = 0
        return FrameTruth(
            image, depth, described.camera_from_world, described.intrinsics, moving=np.zeros(depth.shape, np.bool_)
        )
