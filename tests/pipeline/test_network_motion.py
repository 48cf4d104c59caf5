"""An engine's map of motion helps where it is right and does little harm where it is not."""

from dataclasses import replace

import numpy as np
import pytest
from moving_box import NO_TRACKS, PIXELS, box_clip, jaccard, moving_in, solution_of, still_depth
from tolerances import FALSE_MOTION_SHARE, MOVING_J

from model_server.geometry.shot import DepthMaps, Geometry
from model_server.pipeline.motion import find_moving


def _find(clip, motion, depth=None, solution=None):
    geometry = Geometry(motion=None if motion is None else motion.astype(np.float32))
    depth, solution = depth or still_depth(clip), solution or solution_of(clip)
    return find_moving(clip.images, PIXELS, depth, solution, geometry, NO_TRACKS, lambda done: None)


def _map(clip, still=0.3, moving=0.8):
    return np.where(clip.moving, moving, still)


def _unknown(clip):
    return DepthMaps(np.zeros_like(clip.depth), np.zeros(clip.depth.shape, np.float16))


def _without_cameras(clip):
    solution = solution_of(clip)
    return replace(solution, camera_from_world=np.full_like(solution.camera_from_world, np.nan))


def test_the_map_and_geometry_find_the_box_together():
    clip = box_clip()
    found = _find(clip, _map(clip))
    assert found.source == "both"
    assert jaccard(found.moving > 127, clip.moving) >= max(MOVING_J, jaccard(moving_in(1.0).moving > 127, clip.moving))


def test_a_map_helps_where_depth_is_unknown():
    clip = box_clip()
    alone, helped = (_find(clip, motion, _unknown(clip)).moving > 127 for motion in (None, _map(clip)))
    assert jaccard(helped, clip.moving) >= jaccard(alone, clip.moving)


def test_a_map_of_large_pictures_tells_where_they_are_seen_small():
    box = box_clip()
    larger = {name: np.repeat(np.repeat(getattr(box, name), 4, 1), 4, 2) for name in ("images", "depth", "moving")}
    clip = replace(box, intrinsics=np.diag([4.0, 4.0, 1.0]) @ box.intrinsics, **larger)
    assert max(clip.images.shape[1:3]) > 500
    found = _find(clip, _map(clip, 0.1, 0.9), solution=_without_cameras(clip))
    assert found.source == "network"
    assert jaccard(found.moving > 127, clip.moving) >= MOVING_J


def test_without_cameras_the_map_alone_tells_and_is_named():
    clip = box_clip()
    found = _find(clip, _map(clip, 0.1, 0.9), solution=_without_cameras(clip))
    assert found.source == "network"
    assert jaccard(found.moving > 127, clip.moving) >= MOVING_J


def test_without_a_map_geometry_alone_tells_and_is_named():
    clip = box_clip()
    assert _find(clip, None).source == moving_in(1.0).source == "geometry"


@pytest.mark.parametrize("kind", ["everything moves", "noise"])
def test_a_map_without_sense_makes_nothing_move(kind):
    clip = box_clip(0.0)
    shape = clip.depth.shape
    motion = np.full(shape, 0.95) if kind == "everything moves" else np.random.default_rng(0).random(shape)
    assert np.mean(_find(clip, motion).moving > 127) <= FALSE_MOTION_SHARE


def test_a_map_that_sees_nothing_leaves_the_box_to_geometry():
    clip = box_clip()
    assert jaccard(_find(clip, np.zeros(clip.depth.shape)).moving > 127, clip.moving) >= MOVING_J
