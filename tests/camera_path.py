"""A solution that knows the cameras, and no points."""

import numpy as np

from model_server.geometry.lens import Distortion
from model_server.geometry.shot import Solution


def cameras_alone(
    camera_from_world: np.ndarray, intrinsics: np.ndarray, distortion: Distortion | None = None
) -> Solution:
    """(F, 4, 4) poses, and (3, 3) intrinsics in footage pixels, the same in all frames."""
    frames = len(camera_from_world)
    return Solution(
        camera_from_world=camera_from_world,
        intrinsics=np.repeat(intrinsics[None], frames, axis=0),
        distortion=distortion or Distortion(),
        status=np.zeros(frames, np.uint8),
        reprojection_px=np.zeros(frames, np.float32),
        points=np.zeros((0, 3), np.float32),
        observations=np.zeros((0, 4), np.float32),
    )
