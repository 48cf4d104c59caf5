"""Predictors that know the truth, and predictors that say one thing of everything."""

from dataclasses import dataclass, field

import numpy as np

from model_server.scoring.predictor import PredictedClip

UNIT = 0.37  # the oracle's, in the truth's: it has one of its own


@dataclass
class Oracle:
    """Knows filmed frames by their pictures, which it must be shown at their own size.

    Its world is its first frame's camera, its unit its own; `depth_factor` is an error that all frames share.
    """

    films: list
    long_side: int = 64
    multiple: int = 1
    knows_motion: bool = True
    name: str = "oracle"
    depth_factor: float = 1.0
    calls: list = field(default_factory=list)  # how many frames it was shown, each time

    def __call__(self, images):
        known = {frame.image.tobytes(): frame for film in self.films for frame in film}
        pixels = (images.permute(0, 2, 3, 1) * 255).round().byte().numpy()
        frames = [known[picture.tobytes()] for picture in pixels]
        self.calls.append(len(frames))
        poses = np.stack([frame.camera_from_world for frame in frames])
        poses = poses @ np.linalg.inv(poses[0])
        poses[:, :3, 3] *= UNIT
        return PredictedClip(
            poses,
            np.stack([frame.intrinsics for frame in frames]),
            np.stack([frame.depth for frame in frames]).astype(np.float32) * np.float32(UNIT * self.depth_factor),
            motion=np.stack([frame.moving for frame in frames]).astype(np.float32),
        )


@dataclass
class OneAnswer:
    """Says the same of any picture: cameras on a bent path that all look ahead, one depth, half of it moving."""

    depth: float = 2.0
    long_side: int = 56
    multiple: int = 14
    knows_motion: bool = True
    name: str = "one answer"
    shapes: list = field(default_factory=list)  # of the pictures it was shown

    def __call__(self, images):
        count, _, height, width = images.shape
        self.shapes.append((count, height, width))
        poses = np.tile(np.eye(4), (count, 1, 1))
        poses[:, :3, 3] = np.stack([np.arange(count), np.arange(count) ** 2, np.zeros(count)], axis=1)
        intrinsics = np.array([[width, 0, width / 2], [0, width, height / 2], [0, 0, 1.0]])
        motion = np.zeros((count, height, width), np.float32)
        motion[:, :, : width // 2] = 1
        depth = np.full((count, height, width), self.depth, np.float32)
        return PredictedClip(poses, np.tile(intrinsics, (count, 1, 1)), depth, motion=motion)
