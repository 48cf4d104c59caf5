"""Up and floor of the synthetic room: y points down there, the floor is at ROOM's lower y."""

from dataclasses import replace

import numpy as np
import tolerances
from solved_room import PIXELS, measured_room, true_solution
from synthetic import ROOM, _pose, synthetic_clip

from model_server.geometry.shot import DepthMaps, FrameStatus, SolveMode
from model_server.pipeline.ground import find_ground

TRUE_UP = -_pose(0.0)[1, :3]  # the room's -y in the axes of the first camera


def _degrees(one, other):
    return np.degrees(np.arccos(np.clip(one @ other, -1, 1)))


def test_up_is_up_and_the_floor_is_where_it_lies():
    clip = synthetic_clip()
    ground = find_ground(true_solution(clip), measured_room(), PIXELS)
    assert _degrees(ground.up, TRUE_UP) < tolerances.UP_DEGREES
    assert np.array_equal(ground.floor[:3], ground.up)
    height = ROOM[1, 1] - _pose(0.0)[1, 3]  # of the first camera, the world's origin, above the floor
    assert abs(ground.floor[3] - height) < tolerances.FLOOR_HEIGHT * height


def test_up_survives_a_camera_that_looks_down():
    clip = synthetic_clip()
    tilt = np.radians(25)
    tilted = np.eye(4)
    tilted[1:3, 1:3] = [[np.cos(tilt), -np.sin(tilt)], [np.sin(tilt), np.cos(tilt)]]
    level = np.linalg.inv(tilted)
    solution = true_solution(clip)
    turned = replace(solution, camera_from_world=solution.camera_from_world @ level)
    ground = find_ground(turned, measured_room(), PIXELS)
    assert _degrees(ground.up, tilted[:3, :3] @ TRUE_UP) < tolerances.UP_DEGREES


def test_without_measured_depth_up_is_that_of_the_pictures_and_there_is_no_floor():
    clip = synthetic_clip()
    nothing = DepthMaps(np.zeros_like(clip.depth), np.zeros(clip.depth.shape, np.float16))
    ground = find_ground(true_solution(clip), nothing, PIXELS)
    assert ground.floor is None
    assert _degrees(ground.up, TRUE_UP) < 5 * tolerances.UP_DEGREES


def test_a_tripod_has_an_up_but_no_floor():
    ground = find_ground(true_solution(synthetic_clip(), SolveMode.TRIPOD), measured_room(), PIXELS)
    assert ground.floor is None
    assert abs(np.linalg.norm(ground.up) - 1) < 1e-9


def test_with_no_camera_known_up_is_that_of_the_first_picture():
    clip = synthetic_clip()
    solution = replace(true_solution(clip), status=np.full(len(clip.images), FrameStatus.UNKNOWN, np.uint8))
    assert np.allclose(find_ground(solution, measured_room(), PIXELS).up, [0, -1, 0])
