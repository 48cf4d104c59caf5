"""From the pixels that the network saw to those of the footage."""

from dataclasses import replace

import numpy as np

from model_server.geometry.cameras import inverse
from model_server.geometry.pixel_map import PixelMap
from model_server.geometry.shot import Geometry


def footage_geometry(found: Geometry, pixels: PixelMap) -> Geometry:
    """The network's geometry with its lens in footage pixels, in the world of the first frame's camera.

    The network's picture is the whole plate, and its two scales differ a little, since both sides are multiples of
    the patch: each field of view is kept by itself, and the principal point stays the middle of the image. Depth and
    motion are on the network's pixels, which are the model's, and stay as they are.

    Args:
        found: intrinsics in the network's pixels.
        pixels: network <-> footage.

    Returns:
        Frames whose camera is no camera are NaN.
    """
    if found.camera_from_world is None or found.intrinsics is None:
        return found
    poses, lens = np.array(found.camera_from_world, np.float64), np.array(found.intrinsics, np.float64)
    broken = ~(np.isfinite(poses).all((1, 2)) & np.isfinite(lens).all((1, 2)) & (lens[:, [0, 1], [0, 1]] > 0).all(1))
    poses[broken], lens[broken] = np.nan, np.nan
    if not broken.all():
        poses = poses @ inverse(poses[~broken][0])
    return replace(found, camera_from_world=poses, intrinsics=pixels.footage_intrinsics(lens))
