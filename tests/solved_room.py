"""The synthetic clip as a solve with true cameras would leave it: what the stages after the solve start from."""

from functools import lru_cache

import numpy as np
from synthetic import SyntheticClip, synthetic_clip

from model_server.engines.classical.stereo import dense_depth
from model_server.geometry.cameras import inverse, project, transform, unproject
from model_server.geometry.lens import Distortion
from model_server.geometry.pixel_map import PixelMap
from model_server.geometry.shot import DepthMaps, Motion, Solution, SolveMode

PIXELS = PixelMap((1.0, 1.0))  # the clip's images are their own footage
POINTS_PER_FRAME = 60


def true_solution(clip: SyntheticClip, mode: SolveMode = SolveMode.FREE, lens: Distortion | None = None) -> Solution:
    """True cameras, with points of the still room as tracks would give them."""
    count, height, width = clip.depth.shape
    intrinsics = np.repeat(clip.intrinsics[None], count, axis=0)
    random = np.random.default_rng(0)
    points = []
    for frame in range(0, count, 3):
        row, column = np.nonzero(~clip.moving[frame])
        drawn = random.choice(len(row), POINTS_PER_FRAME, replace=False)
        row, column = row[drawn], column[drawn]
        local = unproject(np.stack([column, row], -1) + 0.5, clip.depth[frame, row, column], clip.intrinsics)
        points.append(transform(inverse(clip.camera_from_world[frame]), local))
    world = np.concatenate(points)
    sightings = []
    for frame in range(count):
        pixels, depth = project(transform(clip.camera_from_world[frame], world), clip.intrinsics)
        seen = np.flatnonzero((depth > 0) & (pixels >= 0).all(1) & (pixels < [width, height]).all(1))
        sightings.append(np.column_stack([seen, np.full(len(seen), frame), pixels[seen]]))
    return Solution(
        camera_from_world=clip.camera_from_world,
        intrinsics=intrinsics,
        distortion=lens or Distortion(),
        status=np.zeros(count, np.uint8),
        reprojection_px=np.zeros(count, np.float32),
        points=world.astype(np.float32),
        observations=np.concatenate(sightings).astype(np.float32),
        mode=mode,
    )


def true_motion(clip: SyntheticClip) -> Motion:
    return Motion(clip.moving.astype(np.uint8) * 255)


@lru_cache(maxsize=1)
def measured_room() -> DepthMaps:
    """Depth of the synthetic clip as stereo measures it from the true cameras."""
    clip = synthetic_clip()
    return dense_depth(clip.images, PIXELS, true_solution(clip), lambda _: None)
