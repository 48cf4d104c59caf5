"""The synthetic clip as the stages after depth get it: true cameras, true depth of what stands still."""

from functools import lru_cache

import cv2
import numpy as np
from camera_path import cameras_alone
from synthetic import ROOM, SyntheticClip, _pose, synthetic_clip

from model_server.geometry.cameras import pixel_centers
from model_server.geometry.lens import Distortion, undistort_pixels
from model_server.geometry.pixel_map import PixelMap
from model_server.geometry.shot import DepthMaps, Geometry, Ground, Motion, Solution, Tracks
from model_server.pipeline.motion import find_moving

PIXELS = PixelMap((2.0, 2.0))  # footage of twice the model's size
NO_TRACKS = Tracks(np.zeros(0, np.int32), np.zeros(0, np.int32), np.zeros((0, 2), np.float32))


def solution_of(clip: SyntheticClip, distortion: Distortion | None = None) -> Solution:
    return cameras_alone(clip.camera_from_world, np.diag([2.0, 2.0, 1.0]) @ clip.intrinsics, distortion)


def still_depth(clip: SyntheticClip) -> DepthMaps:
    """True depth, filled across the box from what lies left of it, with the confidence of a guess there."""
    depth = clip.depth.copy()
    for frame, mask in zip(depth, clip.moving):
        for row in np.flatnonzero(mask.any(axis=1)):
            inside = np.flatnonzero(mask[row])
            frame[row, inside] = frame[row, max(inside[0] - 1, 0)]
    return DepthMaps(depth, np.where(clip.moving, 0.2, 1.0).astype(np.float16))


def floor_of(clip: SyntheticClip) -> Ground:
    """The room's floor in the world of the first camera; `synthetic` builds the room in axes of its own."""
    world_from_room = np.linalg.inv(_pose(0.0))
    up = world_from_room[:3, :3] @ [0.0, -1.0, 0.0]
    point = world_from_room[:3, :3] @ [0.0, ROOM[1, 1], 3.0] + world_from_room[:3, 3]
    return Ground(up, np.append(up, -up @ point))


def box_clip(speed: float = 1.0) -> SyntheticClip:
    return synthetic_clip(frames=12, width=256, height=192, focal=224.0, speed=speed)


@lru_cache(maxsize=4)
def moving_in(speed: float) -> Motion:
    clip = box_clip(speed)
    return find_moving(
        clip.images, PIXELS, still_depth(clip), solution_of(clip), Geometry(), NO_TRACKS, lambda done: None
    )


def jaccard(found: np.ndarray, truth: np.ndarray) -> float:
    return float((found & truth).sum() / max(1, (found | truth).sum()))


def through_the_lens(images, solution, size):
    """Pictures that see the pinhole image through the lens, drawn pixel by pixel; sizes differ by `PIXELS`."""
    width, height = size
    places = undistort_pixels(pixel_centers(width, height), solution.intrinsics[0], solution.distortion)
    at = PIXELS.model_from_footage(places).astype(np.float32) - 0.5
    return np.stack([cv2.remap(image, at[..., 0], at[..., 1], cv2.INTER_LINEAR) for image in images])
