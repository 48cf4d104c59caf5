"""Dense depth against the truth of the synthetic clip."""

from dataclasses import replace

import numpy as np
import tolerances
from solved_room import PIXELS, measured_room, true_solution
from synthetic import synthetic_clip

from model_server.engines.classical.frame_plans import plan_frames
from model_server.engines.classical.semi_global import aggregate
from model_server.engines.classical.stereo import dense_depth
from model_server.engines.classical.upsampling import upsample
from model_server.geometry.cameras import inverse, pixel_centers, project, transform, unproject
from model_server.geometry.shot import FrameStatus, SolveMode


def _errors(depth, clip):
    return np.abs(depth / clip.depth - 1)


def test_still_pixels_get_their_true_depth():
    clip, maps = synthetic_clip(), measured_room()
    still = ~clip.moving
    assert (maps.depth[still] > 0).mean() > tolerances.STEREO_KNOWN
    assert _errors(maps.depth, clip)[still & (maps.depth > 0)].mean() < tolerances.STEREO_ABSREL


def test_confidence_tells_measured_from_filled_depth():
    clip, maps = synthetic_clip(), measured_room()
    still = ~clip.moving & (maps.depth > 0)
    measured = still & (maps.confidence >= 0.5)
    assert measured.sum() > 0.5 * still.sum()
    errors = _errors(maps.depth, clip)
    assert errors[measured].mean() < errors[still & ~measured].mean()
    assert np.quantile(errors[measured], 0.9) < tolerances.STEREO_MEASURED


def test_frames_agree_on_where_things_are():
    clip, maps = synthetic_clip(), measured_room()
    here, there = 5, 9
    measured = ~clip.moving[here] & (maps.confidence[here] >= 0.5)
    local = unproject(pixel_centers(320, 240)[measured], maps.depth[here][measured], clip.intrinsics)
    world = transform(inverse(clip.camera_from_world[here]), local)
    pixels, depth = project(transform(clip.camera_from_world[there], world), clip.intrinsics)
    column, row = np.floor(pixels).astype(int).T
    inside = (column >= 0) & (column < 320) & (row >= 0) & (row < 240)
    seen = maps.depth[there][row[inside], column[inside]]
    assert np.median(np.abs(seen / depth[inside] - 1)) < tolerances.STEREO_BETWEEN_FRAMES


def test_a_frame_without_a_camera_has_no_depth_and_harms_no_other():
    clip = synthetic_clip(frames=8, width=160, height=120, focal=140.0)
    solution = true_solution(clip)
    cameras, status = solution.camera_from_world.copy(), solution.status.copy()
    cameras[3], status[3] = np.nan, FrameStatus.UNKNOWN
    maps = dense_depth(clip.images, PIXELS, replace(solution, camera_from_world=cameras, status=status), lambda _: None)
    assert not maps.depth[3].any()
    assert not maps.confidence[3].any()
    others = np.delete(np.arange(8), 3)
    still = ~clip.moving[others]
    assert np.median(_errors(maps.depth, clip)[others][still]) < tolerances.STEREO_ABSREL


def test_a_tripod_shot_is_a_sphere_that_nobody_should_trust():
    clip = synthetic_clip(frames=3, width=160, height=120, focal=140.0)
    maps = dense_depth(clip.images, PIXELS, true_solution(clip, SolveMode.TRIPOD), lambda _: None)
    points = unproject(pixel_centers(160, 120), maps.depth[1], clip.intrinsics)
    assert np.allclose(np.linalg.norm(points, axis=-1), 5.0, rtol=1e-5)
    assert not maps.confidence.any()


def test_progress_never_goes_back_and_ends_at_one():
    clip = synthetic_clip(frames=4, width=96, height=72, focal=90.0)
    said = []
    dense_depth(clip.images, PIXELS, true_solution(clip), said.append)
    assert said == sorted(said)
    assert abs(said[-1] - 1) < 1e-9


def test_the_same_frames_give_the_same_depth():
    clip = synthetic_clip(frames=4, width=96, height=72, focal=90.0)
    one, two = (dense_depth(clip.images, PIXELS, true_solution(clip), lambda _: None) for _ in range(2))
    assert np.array_equal(one.depth, two.depth)


def test_sources_lie_before_and_after_a_frame_in_the_middle():
    plan = plan_frames(true_solution(synthetic_clip()), 320, 240)[8]
    assert min(plan.sources) < 8 < max(plan.sources)
    assert 8 not in plan.sources


def test_planes_reach_from_the_nearest_to_the_farthest_thing():
    clip = synthetic_clip()
    for frame, plan in enumerate(plan_frames(true_solution(clip), 320, 240)):
        assert plan.inverse_depths[0] < 1 / clip.depth[frame].max()
        assert plan.inverse_depths[-1] > np.quantile(1 / clip.depth[frame], 0.98)


def test_semi_global_matching_carries_depth_across_a_gap_without_evidence():
    costs = np.full((8, 20, 30), 50, np.uint8)
    costs[3, :, :10] = costs[3, :, 20:] = 0
    chosen = aggregate(costs, np.full((20, 30), 128, np.float32)).argmin(axis=0)
    assert (chosen == 3).all()


def test_upsampling_puts_nothing_between_near_and_far():
    small = np.zeros((12, 12, 3), np.uint8)
    small[:, 6:] = 200
    values = np.where(np.arange(12) < 6, 1.0, 0.2) * np.ones((12, 1))
    large = small.repeat(2, axis=0).repeat(2, axis=1)
    result, extra = upsample(values.astype(np.float32), values.astype(np.float32), small, large)
    assert np.allclose(result, values.repeat(2, axis=0).repeat(2, axis=1))
    assert np.array_equal(np.unique(extra), np.unique(values.astype(np.float32)))
