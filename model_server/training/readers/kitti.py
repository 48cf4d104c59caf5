"""KITTI's annotated depth of the validation drives with their raw images, for video depth.

Source: the depth benchmark's devkit readme; MonST3R's download_kitti.sh and prepare_kitti.py for the choice of frames.
"""

from pathlib import Path

from model_server.training.readers.dataset_files import DatasetFiles
from model_server.training.readers.reader import FrameTruth, SequenceInfo

_MOST = 110
_DEPTH_PER_METER = 256


class KittiReader:
    """The first 110 frames that have depth, of the left color camera of each drive. There are no cameras here.

    Depth is a 16-bit png, 256 a meter, along the axis, 0 where it is not known: a fifth of the pixels have one.
    """

    name = "kitti"

    def __init__(self, root: Path) -> None:
        """Root holds `val` and `raw` (or the dates, as raw drives unpack). Raises BadInput: a drive lacks an image."""
        self._files = DatasetFiles(
            "KITTI depth",
            root,
            "val/DRIVE_sync/proj_depth/groundtruth/image_02/0000000005.png and "
            "[raw/][DATE/]DRIVE_sync/image_02/data/0000000005.png",
            "www.cvlibs.net/datasets/kitti (annotated depth maps, and raw data, synced and rectified)",
        )
        folders = self._files.sequence_folders("val/*_sync")
        self._depths = {folder.name: folder / "proj_depth/groundtruth/image_02" for folder in folders}
        self._images = {name: self._image_folder(name) for name in self._depths}
        self._frames = {name: self._frame_names(name) for name in self._depths}
        self.sequences = tuple(SequenceInfo(name, len(frames)) for name, frames in self._frames.items())

    def frame(self, sequence: str, index: int) -> FrameTruth:
        """See FootageReader."""
        name = self._frames[sequence][index]
        image = self._files.image(sequence, self._images[sequence] / name)
        path = self._depths[sequence] / name
        depth = self._files.depth(sequence, path, self._files.png16(sequence, path), image, _DEPTH_PER_METER)
        return FrameTruth(image, depth, camera_from_world=None, intrinsics=None)

    def _image_folder(self, drive: str) -> Path:
        root, date = self._files.root, drive[:10]
        places = [root / "raw" / drive, root / "raw" / date / drive, root / date / drive]
        found = [place / "image_02/data" for place in places if (place / "image_02/data").is_dir()]
        if not found:
            raise self._files.missing(drive, places[1] / "image_02/data")
        return found[0]

    def _frame_names(self, drive: str) -> tuple[str, ...]:
        names = self._files.names(drive, self._depths[drive], "*.png")[:_MOST]
        self._files.require(drive, self._images[drive], names)
        return names
