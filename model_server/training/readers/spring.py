"""Spring's training set, both eyes.

Source: the dataset's page and its development kit (cv-stuttgart/flow_library, spring_utils).
"""

from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from model_server.training.readers.dataset_files import DatasetFiles
from model_server.training.readers.pinhole import pinhole
from model_server.training.readers.reader import FrameTruth, SequenceInfo

_BASELINE_M = 0.065
_EYES = ("left", "right")


class SpringReader:
    """37 scenes, 1920 x 1080; sequences are called `0001_left`, each eye that is there one of its own.

    Disparity is HDF5, in pixels of the image but on a grid of twice its size, of which every second row and column
    is taken, as the development kit does: depth = focal x 0.065 m / disparity. `intrinsics.txt` is focals and
    principal point a frame, (0, 0) the corner; `extrinsics.txt` is the left camera from world, 16 numbers a frame,
    x right, y down, z forward; the right camera is the baseline to the right of it (official code takes the left
    one's place for it).
    """

    name = "spring"

    def __init__(self, root: Path) -> None:
        """Root is `train`. Raises BadInput: a sequence lacks a file."""
        self._files = DatasetFiles(
            "Spring",
            root,
            "0001/{frame_left/frame_left_0001.png, disp1_left/disp1_left_0001.dsp5, "
            "cam_data/{intrinsics, extrinsics}.txt}",
            "spring-benchmark.org",
        )
        scenes = self._files.sequence_folders("*", "frame_left", "frame_right", "cam_data")
        self._scenes = {
            f"{scene.name}_{eye}": (scene, eye)
            for scene in scenes
            for eye in _EYES
            if eye == "left" or (scene / f"frame_{eye}").is_dir()
        }
        self._frames = {name: self._frame_numbers(name) for name in self._scenes}
        self._cameras = lru_cache(maxsize=None)(self._read_cameras)
        self.sequences = tuple(SequenceInfo(name, len(frames)) for name, frames in self._frames.items())

    def frame(self, sequence: str, index: int) -> FrameTruth:
        """See FootageReader."""
        (scene, eye), number = self._scenes[sequence], self._frames[sequence][index]
        lenses, cameras_from_world = self._cameras(sequence)
        if not 0 < int(number) <= len(lenses):
            raise self._files.damaged(sequence, scene / "cam_data/intrinsics.txt", f"it has no frame {number}")
        lens, camera_from_world = lenses[int(number) - 1], cameras_from_world[int(number) - 1].copy()
        if eye == "right":
            camera_from_world[0, 3] -= _BASELINE_M
        image = self._files.image(sequence, scene / f"frame_{eye}" / f"frame_{eye}_{number}.png")
        path = scene / f"disp1_{eye}" / f"disp1_{eye}_{number}.dsp5"
        with np.errstate(divide="ignore", invalid="ignore"):
            stored = lens[0] * _BASELINE_M / self._files.hdf5(sequence, path, "disparity")[::2, ::2]
        return FrameTruth(
            image=image,
            depth=self._files.depth(sequence, path, stored, image),
            camera_from_world=camera_from_world,
            intrinsics=pinhole(*lens),
        )

    def _frame_numbers(self, sequence: str) -> tuple[str, ...]:
        scene, eye = self._scenes[sequence]
        names = self._files.names(sequence, scene / f"frame_{eye}", f"frame_{eye}_*.png")
        numbers = tuple(name.removeprefix(f"frame_{eye}_").removesuffix(".png") for name in names)
        if not all(number.isdecimal() for number in numbers):
            raise self._files.damaged(sequence, scene / f"frame_{eye}", "an image of it has no number")
        self._files.require(sequence, scene / f"disp1_{eye}", [f"disp1_{eye}_{number}.dsp5" for number in numbers])
        self._files.require(sequence, scene / "cam_data", ["intrinsics.txt", "extrinsics.txt"])
        return numbers

    def _read_cameras(self, sequence: str) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        folder = self._scenes[sequence][0] / "cam_data"
        lenses = self._files.numbers(sequence, folder / "intrinsics.txt", columns=4)
        cameras = self._files.numbers(sequence, folder / "extrinsics.txt", columns=16).reshape(-1, 4, 4)
        if len(lenses) != len(cameras):
            reason = f"it has {len(cameras)} frames, intrinsics.txt {len(lenses)}"
            raise self._files.damaged(sequence, folder / "extrinsics.txt", reason)
        return lenses, cameras
