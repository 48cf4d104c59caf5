"""What moves is found, what stands still is not."""

from dataclasses import replace

import numpy as np
import pytest
from moving_box import NO_TRACKS, PIXELS, box_clip, jaccard, moving_in, solution_of, still_depth
from tolerances import FALSE_MOTION_SHARE, MOVING_J, MOVING_J_WITHOUT_DEPTH

from model_server.geometry.shot import DepthMaps, FrameStatus, Geometry, Tracks
from model_server.pipeline.motion import find_moving


def find(clip, depth=None, solution=None, geometry=None, tracks=NO_TRACKS):
    depth, solution = depth or still_depth(clip), solution or solution_of(clip)
    return find_moving(clip.images, PIXELS, depth, solution, geometry or Geometry(), tracks, lambda done: None).moving


def test_the_moving_box_is_found():
    assert jaccard(moving_in(1.0).moving > 127, box_clip().moving) >= MOVING_J


def test_nothing_moves_where_nothing_moves():
    assert np.mean(moving_in(0.0).moving > 127) <= FALSE_MOTION_SHARE


def test_unknown_depth_leaves_the_epipolar_line():
    clip = box_clip()
    unknown = DepthMaps(np.zeros_like(clip.depth), np.zeros(clip.depth.shape, np.float16))
    assert jaccard(find(clip, depth=unknown) > 127, clip.moving) >= MOVING_J_WITHOUT_DEPTH


def test_frames_without_a_camera_take_motion_from_their_neighbors():
    clip, lost = box_clip(), 7
    solution = solution_of(clip)
    solution.status[lost] = FrameStatus.UNKNOWN
    poses = solution.camera_from_world.copy()
    poses[lost] = np.nan
    moving = find(clip, solution=replace(solution, camera_from_world=poses))
    assert jaccard(moving[lost] > 127, clip.moving[lost]) >= MOVING_J_WITHOUT_DEPTH


def test_one_frame_holds_no_motion():
    clip = box_clip()
    single = replace(
        clip, images=clip.images[:1], camera_from_world=clip.camera_from_world[:1], depth=clip.depth[:1],
        moving=clip.moving[:1],
    )  # fmt: skip
    assert not find(single).any()


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_tracks_of_the_room_change_nothing_in_it(share):
    clip = box_clip(0.0)
    frames = np.tile(np.arange(len(clip.images), dtype=np.int32), 50)
    ids = np.repeat(np.arange(50, dtype=np.int32), len(clip.images))
    places = np.random.default_rng(0).uniform([20, 20], [490, 360], (50, 2)).astype(np.float32)
    tracks = Tracks(ids, frames, places[ids])
    moving = find(clip, geometry=Geometry(static_tracks=np.full(50, share < 0.5)), tracks=tracks)
    assert np.mean(moving > 127) <= FALSE_MOTION_SHARE
