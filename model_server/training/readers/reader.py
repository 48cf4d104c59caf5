"""What every reader of a published dataset gives: its sequences, and one frame at a time with its truth."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from model_server.errors import BadInput
from model_server.training.clip import Clip


@dataclass(frozen=True)
class SequenceInfo:
    """One sequence that is there, in the frames that its dataset's protocol takes from it."""

    name: str  # unique in its reader, as its folders are called: `alley_2`, `apple/110_13051_23361`
    frame_count: int


@dataclass(frozen=True)
class FrameTruth:
    """One frame, with what its dataset knows of it; all of one size.

    Cameras are x right, y down, z forward; pixel (0, 0) is the corner of the image, so a dataset that puts the first
    pixel's center at (0, 0) has half a pixel added to its principal point. The world's axes are the dataset's own.
    """

    image: NDArray[np.uint8]  # (H, W, 3) sRGB
    depth: NDArray[np.float32]  # (H, W) along the optical axis, in meters where the dataset has meters; 0 is unknown
    camera_from_world: NDArray[np.float64] | None  # (4, 4); None where the dataset has no cameras (KITTI)
    intrinsics: NDArray[np.float64] | None  # (3, 3) pixels; None as above
    moving: NDArray[np.bool_] | None = None  # (H, W): what moves in the world; None where nobody knows


class FootageReader(Protocol):
    """A dataset on disk. Made by `readers.reader_named`, which raises BadInput where the folder holds none."""

    @property
    def name(self) -> str:
        """The dataset, as `reader_named` knows it."""

    @property
    def sequences(self) -> tuple[SequenceInfo, ...]:
        """All that were found under the root, in the order of their names; at least one."""

    def frame(self, sequence: str, index: int) -> FrameTruth:
        """Frame `index` (from 0) of the sequence of that name.

        Raises:
            BadInput: a file of it is missing or damaged, with its path.
        """


def read_clip(reader: FootageReader, sequence: str, indexes: Sequence[int]) -> Clip:
    """Those frames at the dataset's own size, as (S, ...) tensors; nothing is cropped, scaled or changed in color.

    Raises:
        BadInput: a file is missing or damaged, the dataset has no cameras, or its frames have different sizes.
    """
    return clip_of_frames([reader.frame(sequence, index) for index in indexes], f"{reader.name} {sequence}")


def clip_of_frames(frames: Sequence[FrameTruth], name: str) -> Clip:
    """Frames of one size as a clip. `moving` is there when every frame has it.

    Raises:
        BadInput: a frame has no camera, or the frames have different sizes.
    """
    sizes = sorted({frame.depth.shape for frame in frames})
    if len(sizes) != 1:
        listed = ", ".join(f"{width}x{height}" for height, width in sizes)
        raise BadInput(f"frames of {name} have different sizes: {listed}", hint="scale them to one size first")
    moving = [frame.moving for frame in frames if frame.moving is not None]
    depth = torch.from_numpy(np.stack([frame.depth for frame in frames]))
    return Clip(
        images=torch.from_numpy(np.stack([frame.image for frame in frames])).permute(0, 3, 1, 2).float() / 255,
        depth=depth,
        valid=depth > 0,
        camera_from_world=_cameras([frame.camera_from_world for frame in frames], name),
        intrinsics=_cameras([frame.intrinsics for frame in frames], name),
        moving=torch.from_numpy(np.stack(moving)) if len(moving) == len(frames) else None,
        name=name,
    )


def _cameras(matrices: Sequence[NDArray[np.float64] | None], name: str) -> torch.Tensor:
    known = [matrix for matrix in matrices if matrix is not None]
    if len(known) != len(matrices):
        raise BadInput(f"{name} has no cameras", hint="take a dataset that has them; KITTI's depth files have none")
    return torch.from_numpy(np.stack(known)).float()
