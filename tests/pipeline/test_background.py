"""The fused cloud lies on the synthetic room, and the box that walks through it left nothing behind."""

import numpy as np
import tolerances
from solved_room import PIXELS, measured_room, true_motion, true_solution
from synthetic import BOX_HALF, ROOM, _pose, synthetic_clip

from model_server.geometry.shot import DepthMaps, Motion
from model_server.pipeline.background import fuse_background
from model_server.pipeline.point_cells import PointCells


def _fused(depth=None):
    clip = synthetic_clip()
    return fuse_background(clip.images, depth or measured_room(), true_motion(clip), true_solution(clip), PIXELS)


def _in_the_room(positions):
    """World (first camera) to the room's axes."""
    pose = _pose(0.0)
    return positions @ pose[:3, :3].T + pose[:3, 3]


def _distance_to_walls(points):
    return np.abs(points[:, :, None] - ROOM).min(axis=(1, 2))


def test_points_lie_on_the_walls():
    points = _in_the_room(_fused().positions)
    assert len(points) > 20_000
    assert np.quantile(_distance_to_walls(points), 0.9) < tolerances.BACKGROUND_METERS


def test_nothing_is_left_of_what_moved():
    points = _in_the_room(_fused().positions)
    height = ROOM[1, 1] - points[:, 1]
    path = (np.abs(points[:, 2] - 3.2) < BOX_HALF[2] + 0.1) & (np.abs(points[:, 0]) < 1.4) & (height > 0.15)
    assert (path & (height < 1.6)).mean() < tolerances.BACKGROUND_LEFTOVERS


def test_colors_are_those_of_the_pictures():
    background = _fused()
    clip = synthetic_clip()
    assert background.colors.dtype == np.uint8
    assert np.abs(background.colors.mean(0) - clip.images[~clip.moving].mean(0)).max() < tolerances.BACKGROUND_LEVELS


def test_exact_depth_gives_an_exact_cloud():
    clip = synthetic_clip()
    true = DepthMaps(clip.depth, np.ones(clip.depth.shape, np.float16))
    assert np.quantile(_distance_to_walls(_in_the_room(_fused(true).positions)), 0.99) < tolerances.BACKGROUND_EXACT


def test_a_point_that_others_see_through_is_dropped():
    clip = synthetic_clip()
    depth = clip.depth.copy()
    depth[4, 100:140, 150:200] *= 0.5
    points = _in_the_room(_fused(DepthMaps(depth, np.ones(depth.shape, np.float16))).positions)
    assert _distance_to_walls(points).max() < 20 * tolerances.BACKGROUND_EXACT


def test_nothing_measured_gives_an_empty_cloud():
    clip = synthetic_clip(frames=3, width=96, height=72, focal=90.0)
    nothing = DepthMaps(np.zeros_like(clip.depth), np.zeros(clip.depth.shape, np.float16))
    still = Motion(np.zeros(clip.depth.shape, np.uint8))
    background = fuse_background(clip.images, nothing, still, true_solution(clip), PIXELS)
    assert background.positions.shape == (0, 3)
    assert background.colors.shape == (0, 3)


def test_one_cell_gives_the_mean_of_its_points():
    cells = PointCells(100)
    cells.add(np.array([[0.1, 0.1, 0.1], [0.3, 0.1, 0.1]]), np.array([[0, 0, 0], [100, 50, 20]], np.uint8), np.ones(2))
    positions, colors = cells.means()
    assert np.allclose(positions, [[0.2, 0.1, 0.1]])
    assert np.array_equal(colors, [[50, 25, 10]])


def test_cells_on_both_sides_of_an_axis_are_not_one():
    cells = PointCells(100_000)
    points = np.random.default_rng(0).uniform(0.1, 4, (2000, 3))
    for sides in ([1, 1, 1], [-1, -1, 1], [1, -1, -1], [-1, 1, -1]):
        cells.add(points * sides, np.zeros((2000, 3), np.uint8), np.full(2000, 1e-3))
    positions, _ = cells.means()
    assert len(positions) == 8000


def test_fine_points_replace_coarse_ones_of_the_same_place():
    cells = PointCells(100)
    cells.add(np.array([[0.5, 0.5, 0.5], [9.5, 0.5, 0.5]]), np.zeros((2, 3), np.uint8), np.ones(2))
    cells.add(np.array([[0.1, 0.1, 0.1], [0.9, 0.9, 0.9]]), np.zeros((2, 3), np.uint8), np.full(2, 0.125))
    positions, _ = cells.means()
    assert len(positions) == 3
    assert not (np.abs(positions - 0.5) < 0.05).all(1).any()


def test_the_cloud_never_holds_more_points_than_asked_for():
    cells = PointCells(500)
    for seed in range(3):
        points = np.random.default_rng(seed).random((3000, 3)) * 10 - 5
        cells.add(points, np.zeros((3000, 3), np.uint8), np.full(3000, 0.01))
    assert 50 < len(cells.means()[0]) <= 500
