"""What stands still is explained by a plane that does; what moves is not."""

from dataclasses import replace

import numpy as np
from card_shot import FOCAL, FRAMES, INTRINSICS, card_shot

from model_server.geometry.shot import SolveMode
from model_server.pipeline.still_plane import still_places

FIRST, OTHERS = 0, np.arange(1, FRAMES)
CORNERS = np.array([[-0.5, -0.4], [0.5, -0.4], [-0.5, 0.4], [0.5, 0.4], [0.1, 0.0]])


def places(solution, start, end, tilt=0.0):
    """(F, 5, 2) pixels of points around a middle that goes from `start` to `end`; `tilt` meters of depth a meter."""
    middle = start + np.linspace(0, 1, FRAMES)[:, None] * (end - start)
    points = middle[:, None] + np.column_stack([CORNERS, tilt * CORNERS[:, 0]])
    seen = points + solution.camera_from_world[:, None, :3, 3]
    return seen[..., :2] / seen[..., 2:] * FOCAL + INTRINSICS[:2, 2]


def off_px(solution, seen):
    still = still_places(seen[FIRST], seen[OTHERS], FIRST, OTHERS, solution, nearest=1.0)
    return float(np.median(np.linalg.norm(still - seen[OTHERS], axis=-1)))


def test_a_still_plane_is_explained_at_any_depth_and_slope():
    solution, at = card_shot(np.array([0, 0, 8.0]), np.array([0, 0, 8.0])).solution, np.array([0.3, 0.1, 6.0])
    assert off_px(solution, places(solution, at, at)) < 0.01
    assert off_px(solution, places(solution, 3 * at, 3 * at, tilt=0.8)) < 0.01


def test_what_comes_along_the_view_is_not():
    solution = card_shot(np.array([0, 0, 8.0]), np.array([0, 0, 8.0])).solution
    assert off_px(solution, places(solution, np.array([0.3, 0.1, 9.0]), np.array([0.3, 0.1, 6.0]))) > 2.0


def test_from_a_tripod_what_stands_still_stays_where_the_turn_puts_it():
    solution = replace(card_shot(np.array([0, 0, 8.0]), np.array([0, 0, 8.0]), 0.0).solution, mode=SolveMode.TRIPOD)
    at = np.array([0.3, 0.1, 6.0])
    assert off_px(solution, places(solution, at, at)) < 0.01
    assert off_px(solution, places(solution, at, at - [0, 0, 2.0])) > 2.0
