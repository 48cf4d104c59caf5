"""Footage of a camera that only turns goes in, a whole package comes out: no depth, but all that needs none."""

import numpy as np
import pytest
from camera_errors import turn_error
from synthetic import synthetic_clip
from synthetic_footage import write_sequence
from tolerances import TRIPOD_FOCAL, TRIPOD_MOVING_J, TRIPOD_TURN, UP_DEGREES

from model_server.package.reader import read_package
from model_server.pipeline.run import solve_clip
from model_server.settings import SolveSettings


@pytest.fixture(scope="module")
def clip():
    return synthetic_clip(frames=10, width=256, height=192, focal=224.0, travel=0.0)


@pytest.fixture(scope="module")
def package(clip, tmp_path_factory):
    folder = tmp_path_factory.mktemp("tripod")
    write_sequence(folder / "frames", clip)
    solve_clip(folder / "frames", SolveSettings(engine="classical"), folder / "work", folder / "room.page4d", _ignore)
    package = read_package(folder / "room.page4d")
    package.verify()
    return package


def _ignore(stage, done):
    assert 0 <= done <= 1


def test_turns_and_lens_are_the_truth_and_the_camera_stays_in_the_origin(clip, package):
    cameras = package.array("cameras/camera_from_world.npy")
    assert package.manifest.solve.mode == "tripod"
    assert (package.array("cameras/status.npy") == 0).all()
    assert not cameras[:, :3, 3].any()
    assert turn_error(cameras, clip.camera_from_world) < TRIPOD_TURN
    assert package.array("cameras/intrinsics.npy")[0, 0, 0] == pytest.approx(clip.intrinsics[0, 0], rel=TRIPOD_FOCAL)


def test_still_things_lie_on_a_sphere_of_radius_5_that_nobody_should_trust(package):
    for cloud in ("background/positions.npy", "tracks/positions.npy"):
        assert np.allclose(np.linalg.norm(package.array(cloud), axis=1), 5.0, rtol=1e-3)
        assert len(package.array(cloud)) > 20
    depth, still = package.array("depth.npy"), package.array("layers.npy") == 0
    assert not package.array("confidence.npy").any()
    assert depth[still].min() > 3.0
    assert depth[still].max() <= 5.0


def test_what_moves_is_found_without_depth_and_is_one_layer(clip, package):
    moving = package.array("moving.npy") > 127
    assert np.mean([_jaccard(*pair) for pair in zip(moving, clip.moving)]) >= TRIPOD_MOVING_J
    assert len(package.manifest.layers) == 2
    assert (package.array("depth.npy")[package.array("layers.npy") > 0] < 5.0).all()


def test_up_is_the_cameras_own_and_there_is_no_floor(clip, package):
    assert package.manifest.floor is None
    up = clip.camera_from_world[0, :3, :3] @ -np.array([0.0, 1.0, 0.0])
    assert np.degrees(np.arccos(np.dot(up, package.manifest.up))) < 5 * UP_DEGREES


def _jaccard(found, truth):
    return (found & truth).sum() / max(1, (found | truth).sum())
