"""DyCheck's iPhone footage: the moving camera's frames, with depth of its LiDAR.

Source: KAIR-BAIR/dycheck, docs/DATASETS.md and dycheck/geometry/camera.py.
"""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from model_server.training.readers.dataset_files import DatasetFiles
from model_server.training.readers.pinhole import pinhole, rigid
from model_server.training.readers.reader import FrameTruth, SequenceInfo


class DyCheckReader:
    """Frames `0_*` of each sequence at full size (720 x 960): 0 is the camera that moves.

    Depth is float32 along the axis in the camera's own unit, meters (the dataset's page says millimeters; its code
    and its files do not), 0 where the LiDAR saw nothing. A camera is JSON: `orientation` is the rotation camera from
    world, `position` the camera in the world; x right, y down, z forward; the pixel (0, 0) is the corner.
    """

    name = "dycheck"

    def __init__(self, root: Path) -> None:
        """Root holds the sequences. Raises BadInput: a sequence lacks a file."""
        self._files = DatasetFiles(
            "DyCheck iPhone",
            root,
            "SEQUENCE/{rgb/1x/0_00000.png, depth/1x/0_00000.npy, camera/0_00000.json}",
            "github.com/KAIR-BAIR/dycheck (docs/DATASETS.md, iPhone dataset)",
        )
        self._folders = {path.name: path for path in self._files.sequence_folders("*", "rgb", "camera")}
        self._frames = {name: self._frame_names(name, folder) for name, folder in self._folders.items()}
        self.sequences = tuple(SequenceInfo(name, len(frames)) for name, frames in self._frames.items())

    def frame(self, sequence: str, index: int) -> FrameTruth:
        """See FootageReader."""
        folder, name = self._folders[sequence], self._frames[sequence][index]
        depth_path = folder / "depth/1x" / f"{name}.npy"
        image = self._files.image(sequence, folder / "rgb/1x" / f"{name}.png")
        depth = self._files.depth(sequence, depth_path, self._files.npy(sequence, depth_path).squeeze(), image)
        camera_from_world, intrinsics = self._camera(sequence, folder / "camera" / f"{name}.json")
        return FrameTruth(image, depth, camera_from_world, intrinsics)

    def _frame_names(self, sequence: str, folder: Path) -> tuple[str, ...]:
        names = [name.removesuffix(".png") for name in self._files.names(sequence, folder / "rgb/1x", "0_*.png")]
        self._files.require(sequence, folder / "depth/1x", [f"{name}.npy" for name in names])
        self._files.require(sequence, folder / "camera", [f"{name}.json" for name in names])
        return tuple(names)

    def _camera(self, sequence: str, path: Path) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        stored = self._files.json(sequence, path)
        try:
            rotation = np.array(stored["orientation"], np.float64).reshape(3, 3)
            position = np.array(stored["position"], np.float64).reshape(3)
            focal, (x, y) = float(stored["focal_length"]), map(float, stored["principal_point"])
            intrinsics = pinhole(focal, focal * float(stored.get("pixel_aspect_ratio", 1)), x, y)
            intrinsics[0, 1] = float(stored.get("skew", 0))
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise self._files.damaged(sequence, path, "it is no camera of DyCheck") from error
        return rigid(rotation, -rotation @ position), intrinsics
