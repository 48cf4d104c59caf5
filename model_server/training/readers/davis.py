"""DAVIS (2016 or 2017), for masks of what moves. There is no depth and no camera.

Source: the dataset's README (davischallenge.org).
"""

from pathlib import Path

import numpy as np

from model_server.training.readers.dataset_files import DatasetFiles
from model_server.training.readers.reader import FrameTruth, SequenceInfo

_IMAGES, _MASKS = "JPEGImages/480p", "Annotations/480p"


class DavisReader:
    """Sequences that have annotations, 480 pixels high.

    An annotation is a png whose background is black; whatever else it shows counts as moving, all objects as one.
    """

    name = "davis"

    def __init__(self, root: Path) -> None:
        """Root holds `JPEGImages` and `Annotations`. Raises BadInput: a frame has no annotation."""
        self._files = DatasetFiles(
            "DAVIS",
            root,
            f"{_IMAGES}/SEQUENCE/00000.jpg and {_MASKS}/SEQUENCE/00000.png",
            "davischallenge.org",
        )
        folders = self._files.sequence_folders(f"{_MASKS}/*")
        self._frames = {folder.name: self._frame_names(folder.name) for folder in folders}
        self.sequences = tuple(SequenceInfo(name, len(frames)) for name, frames in self._frames.items())

    def frame(self, sequence: str, index: int) -> FrameTruth:
        """See FootageReader."""
        name, path = self._frames[sequence][index], self._files.root / _MASKS / sequence
        image = self._files.image(sequence, self._files.root / _IMAGES / sequence / f"{name}.jpg")
        moving = self._files.image(sequence, path / f"{name}.png").max(axis=2) > 0
        if moving.shape != image.shape[:2]:
            raise self._files.damaged(sequence, path / f"{name}.png", "its size is not its image's")
        return FrameTruth(image, np.zeros(moving.shape, np.float32), None, None, moving)

    def _frame_names(self, sequence: str) -> tuple[str, ...]:
        images = self._files.names(sequence, self._files.root / _IMAGES / sequence, "*.jpg")
        names = tuple(name.removesuffix(".jpg") for name in images)
        self._files.require(sequence, self._files.root / _MASKS / sequence, [f"{name}.png" for name in names])
        return names
