"""The scene's unit."""

import numpy as np
import pytest
from solved_room import true_motion, true_solution
from synthetic import synthetic_clip

from model_server.geometry.cameras import project, transform
from model_server.geometry.shot import Background, Ground, SolveMode
from model_server.pipeline.scale import scaled, scene_scale

CLIP = {"frames": 4, "width": 96, "height": 72, "focal": 90.0}


def test_the_first_frames_still_things_are_five_away_in_the_median():
    clip = synthetic_clip(**CLIP)
    factor = scene_scale(clip.depth, true_motion(clip))
    assert np.median(clip.depth[0][~clip.moving[0]]) * factor == pytest.approx(5.0, rel=1e-5)


def test_a_first_frame_without_depth_leaves_it_to_the_next():
    clip = synthetic_clip(**CLIP)
    depth = clip.depth.copy()
    depth[0] = 0
    factor = scene_scale(depth, true_motion(clip))
    assert np.median(depth[1][~clip.moving[1]]) * factor == pytest.approx(5.0, rel=1e-5)


def test_without_any_depth_or_on_a_tripod_nothing_is_scaled():
    clip = synthetic_clip(**CLIP)
    assert scene_scale(np.zeros_like(clip.depth), true_motion(clip)) == 1.0
    assert scene_scale(clip.depth, true_motion(clip), SolveMode.TRIPOD) == 1.0


def test_scaling_moves_no_pixel():
    solution = true_solution(synthetic_clip(**CLIP))
    larger = scaled(solution, 3.0)
    for one, factor in ((solution, 1.0), (larger, 3.0)):
        assert np.linalg.norm(one.camera_from_world[-1, :3, 3]) == pytest.approx(
            factor * np.linalg.norm(solution.camera_from_world[-1, :3, 3])
        )
    before, depth = project(
        transform(solution.camera_from_world[2], solution.points.astype(float)), solution.intrinsics[2]
    )
    after, far = project(transform(larger.camera_from_world[2], larger.points.astype(float)), larger.intrinsics[2])
    assert np.allclose(before, after, atol=1e-3)
    assert np.allclose(3 * depth, far, atol=1e-4)


def test_cloud_and_floor_grow_with_the_scene():
    positions = np.array([[1, 2, 3]], np.float32)
    assert np.allclose(scaled(Background(positions, np.zeros((1, 3), np.uint8)), 2.0).positions, 2 * positions)
    up = np.array([0.0, -1.0, 0.0])
    floor = scaled(Ground(up, np.array([0.0, -1.0, 0.0, 1.5])), 2.0).floor
    assert floor @ [7.0, 3.0, 1.0, 1.0] == pytest.approx(0.0)
    assert scaled(Ground(up, None), 2.0).floor is None
