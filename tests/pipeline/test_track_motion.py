"""Tracks tell of motion that flow between near frames can't see."""

import numpy as np
from moving_box import PIXELS

from model_server.geometry.cameras import project, transform
from model_server.geometry.lens import Distortion
from model_server.geometry.shot import Geometry, Solution, Tracks
from model_server.pipeline.track_motion import TrackMotion

FRAMES, STILL, WIDTH, HEIGHT = 14, 30, 256, 192
INTRINSICS = np.array([[448.0, 0, WIDTH], [0, 448.0, HEIGHT], [0, 0, 1]])  # footage pixels, twice the model's
MOVER = np.array([0.2, 0.3, 7.0])


def sightings_of(path):
    """(F, 2) footage pixels of a point with (F, 3) places in world, from a camera that moves sideways."""
    return project(transform(poses(), path), np.repeat(INTRINSICS[None], FRAMES, axis=0))[0]


def poses():
    result = np.repeat(np.eye(4)[None], FRAMES, axis=0)
    result[:, 0, 3] = -0.08 * np.arange(FRAMES)
    return result


def evidence(mover, static, noise=0.1):
    """Of the last frame, from points that stand still and one that goes along `mover`; and where that one is."""
    random = np.random.default_rng(0)
    places = random.uniform([-1.5, -1.0, 5.0], [2.0, 1.0, 9.0], (STILL, 3))
    places[:, 1] += np.sign(places[:, 1])  # none near the mover
    paths = [*np.repeat(places[:, None], FRAMES, axis=1), mover]
    seen = np.stack([sightings_of(path) for path in paths]) + random.normal(0, noise, (STILL + 1, FRAMES, 2))
    ids, frames = np.repeat(np.arange(STILL + 1), FRAMES), np.tile(np.arange(FRAMES), STILL + 1)
    still = ids < STILL
    solution = Solution(
        camera_from_world=poses(),
        intrinsics=np.repeat(INTRINSICS[None], FRAMES, axis=0),
        distortion=Distortion(),
        status=np.zeros(FRAMES, np.uint8),
        reprojection_px=np.zeros(FRAMES, np.float32),
        points=places.astype(np.float32),
        observations=np.column_stack([ids, frames, seen.reshape(-1, 2)])[still].astype(np.float32),
    )
    tracks = Tracks(ids.astype(np.int32), frames.astype(np.int32), seen.reshape(-1, 2).astype(np.float32))
    motion = TrackMotion(PIXELS, solution, Geometry(static_tracks=static), tracks, (HEIGHT, WIDTH))
    return motion.frame(FRAMES - 1), np.floor(seen[:, -1] / 2).astype(int)


def along_the_view(speed):
    """Comes towards the camera, ever faster: no still point does that for long."""
    return MOVER + np.outer(np.arange(FRAMES) ** 2, [0, 0, -speed])


def test_a_thing_that_comes_along_the_view_moves_though_the_epipolar_geometry_lets_it_pass():
    found, places = evidence(along_the_view(0.012), np.ones(STILL + 1, bool))
    x, y = places[-1]
    assert found[y, x] > 0


def test_what_the_cameras_explain_for_long_stands_still():
    found, places = evidence(along_the_view(0.012), np.ones(STILL + 1, bool))
    inside = ((places >= 0) & (places < [WIDTH, HEIGHT])).all(axis=1)
    x, y = places[:-1][inside[:-1]].T
    assert len(x) >= STILL // 2
    assert (found[y, x] < 0).all()


def test_noise_is_no_motion():
    found, _ = evidence(along_the_view(0.0), np.ones(STILL + 1, bool))
    assert found.max() == 0


def test_tracks_that_break_the_epipolar_geometry_move():
    static = np.arange(STILL + 1) < STILL
    found, places = evidence(along_the_view(0.0), static)
    x, y = places[-1]
    assert found[y, x] > 0


def test_no_tracks_say_nothing():
    none = Tracks(np.zeros(0, np.int32), np.zeros(0, np.int32), np.zeros((0, 2), np.float32))
    solution = Solution(
        poses(), np.repeat(INTRINSICS[None], FRAMES, axis=0), Distortion(), np.zeros(FRAMES, np.uint8),
        np.zeros(FRAMES, np.float32), np.zeros((0, 3), np.float32), np.zeros((0, 4), np.float32),
    )  # fmt: skip
    assert not TrackMotion(PIXELS, solution, Geometry(), none, (HEIGHT, WIDTH)).frame(3).any()
