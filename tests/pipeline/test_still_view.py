"""Where a still point can be, as far as depth, solved points and the picture itself tell."""

from dataclasses import replace

import numpy as np
from solved_room import PIXELS, true_solution
from synthetic import synthetic_clip

from model_server.geometry.shot import DepthMaps
from model_server.pipeline.still_view import Visible, depth_range, nearest_inverse_depth, points_seen

SIDE = 64


def shift(x, y):
    return np.broadcast_to(np.array([x, y], np.float32), (SIDE, SIDE, 2))


def stripes():
    columns = np.random.default_rng(0).integers(40, 220, SIDE)
    return np.repeat(np.repeat(columns[None, :, None], SIDE, 0), 3, 2).astype(np.uint8)


def test_along_stripes_a_shift_hardly_shows():
    seen = Visible.of(stripes(), 7, np.zeros((SIDE, SIDE), bool))
    along, across = seen.product(shift(0, 5), shift(0, 5)), seen.product(shift(5, 0), shift(5, 0))
    assert along.max() <= 0.11 * 25
    assert np.median(across) >= 0.9 * 25


def test_where_depth_is_known_around_all_shifts_count():
    seen = Visible.of(stripes(), 7, np.ones((SIDE, SIDE), bool))
    assert np.allclose(seen.product(shift(0, 5), shift(0, 5)), 25)


def test_solved_points_tell_the_depth_where_nothing_near_is_measured():
    clip = synthetic_clip()
    solution, frame = true_solution(clip), 8
    left = np.where(np.arange(clip.depth.shape[2]) < 140, 0, clip.depth).astype(np.float32)
    depth = DepthMaps(left, np.where(left > 0, 1, 0).astype(np.float16))
    # Half of the picture is not measured: without points its depth is carried in from far off.
    nearest = nearest_inverse_depth(depth, solution.points, solution.camera_from_world)
    points = points_seen(solution, PIXELS, frame, (clip.depth.shape[2], clip.depth.shape[1]))
    lost = np.s_[:, :100]
    errors = [
        np.abs(np.log(depth_range(depth, frame, nearest, given).likely * clip.depth[frame]))[lost].mean()
        for given in (None, points)
    ]
    assert errors[1] < 0.6 * errors[0]


def test_points_of_far_frames_and_of_short_tracks_are_not_taken():
    clip = synthetic_clip()
    solution = true_solution(clip)
    size = clip.depth.shape[2], clip.depth.shape[1]
    short = replace(solution, observations=solution.observations[solution.observations[:, 1] < 5])
    assert len(points_seen(short, PIXELS, 2, size)) == 0
