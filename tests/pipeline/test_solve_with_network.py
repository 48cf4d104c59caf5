"""Footage in, package out, with an oracle in the network's place: everything is held to the truth."""

import itertools

import cv2
import numpy as np
import pytest
from camera_errors import path_error
from moving_box import jaccard
from oracle_network import FACTS, NETWORK_GRADE, Errors, Truth, oracle_engine
from synthetic import synthetic_clip
from synthetic_footage import write_sequence
from tolerances import (
    NETWORK_MOVING_DEPTH,
    NETWORK_MOVING_J,
    NETWORK_STILL_DEPTH,
    SOLVED_FOCAL,
    SOLVED_PATH,
)

from model_server.engines.page4d.engine import PATCH
from model_server.geometry.pixel_map import fit_long_side
from model_server.package.reader import read_package
from model_server.pipeline.run import solve_clip
from model_server.settings import SolveSettings

LONG_SIDE = 252  # footage is 256 x 192, and 252 x 196 what the network sees: its two scales differ
CASES = {
    "exact": (Errors(), 100),
    "network grade, in windows": (NETWORK_GRADE, 6),
    "without a mask": (Errors(has_mask=False), 100),
    "garbage": (Errors(turn_degrees=120, place=3.0, focal=0.5, depth=1.0), 100),
}


@pytest.fixture(scope="module")
def clip():
    return synthetic_clip(frames=12, width=256, height=192, focal=224.0)


@pytest.fixture(scope="module")
def truth(clip):
    """What the network could know, at its own size."""
    height, width = clip.depth.shape[1:]
    size = fit_long_side(width, height, LONG_SIDE, PATCH)
    depth, moving = (
        np.stack([cv2.resize(frame.astype(np.float32), size, interpolation=cv2.INTER_NEAREST) for frame in maps])
        for maps in (clip.depth, clip.moving)
    )
    focal = clip.intrinsics[0, 0]
    fields = (2 * np.arctan(width / 2 / focal), 2 * np.arctan(height / 2 / focal))
    return Truth(clip.camera_from_world, fields, depth, moving > 0)


@pytest.fixture(scope="module", params=CASES)
def solved(request, clip, truth, tmp_path_factory):
    """(case, package) of a whole solve by the pipeline that a user's solve goes through."""
    folder = tmp_path_factory.mktemp("network")
    write_sequence(folder / "room", clip)
    errors, length = CASES[request.param]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            "model_server.pipeline.run.engine_named", lambda name: oracle_engine(truth, errors, length, LONG_SIDE)
        )
        settings = SolveSettings(engine="auto")
        solve_clip(folder / "room", settings, folder / "work", folder / "shot.page4d", lambda stage, done: None)
    package = read_package(folder / "shot.page4d")
    package.verify()
    return request.param, package


def test_cameras_are_the_truth(solved, clip):
    _, package = solved
    assert not package.array("cameras/status.npy").any()
    assert path_error(package.array("cameras/camera_from_world.npy"), clip.camera_from_world) <= SOLVED_PATH
    lens = package.array("cameras/intrinsics.npy")
    assert lens[:, 0, 0] == pytest.approx(clip.intrinsics[0, 0], rel=SOLVED_FOCAL)
    assert lens[:, 1, 1] == pytest.approx(lens[:, 0, 0])  # square pixels, though the network's are not


def test_depth_of_still_and_of_moving_things_is_the_truth_in_one_unit(solved, truth):
    _, package = solved
    depth, moving = package.array("depth.npy"), truth.moving
    assert (depth > 0).all()
    unit = np.median(depth[0][~moving[0]] / truth.depth[0][~moving[0]])
    relative = np.abs(depth / (unit * truth.depth) - 1)
    assert relative[~moving].mean() <= NETWORK_STILL_DEPTH
    assert relative[moving].mean() <= NETWORK_MOVING_DEPTH


def test_depth_keeps_the_confidence_of_the_network(solved):
    _, package = solved
    assert (package.array("confidence.npy") == np.float16(0.9)).all()


def test_what_moves_is_found_and_its_source_is_named(solved, truth):
    case, package = solved
    assert jaccard(package.array("moving.npy") > 127, truth.moving) >= NETWORK_MOVING_J
    assert package.manifest.motion.source == ("geometry" if case == "without a mask" else "both")


def test_the_manifest_says_what_made_it_and_what_was_assumed(solved):
    case, package = solved
    made_by, assumptions = package.manifest.made_by, package.manifest.solve.assumptions
    assert (made_by.engine, made_by.weights, made_by.weights_sha256, made_by.weights_license) == (
        "page4d",
        FACTS.name,
        FACTS.sha256,
        FACTS.license,
    )
    assert any("motion comes from geometry alone" in said for said in assumptions) == (case == "without a mask")
    assert any("cameras come from the tracks alone" in said for said in assumptions) == (case == "garbage")


def test_other_weights_and_another_size_are_another_solve(clip, truth, tmp_path):
    """A checkpoint must not pass from one network to another."""
    from dataclasses import replace

    from model_server.footage.open import open_clip
    from model_server.pipeline.run import _key

    write_sequence(tmp_path / "room", clip)
    opened = open_clip(tmp_path / "room", SolveSettings().frames, None)
    engines = [oracle_engine(truth, long_side=side) for side in (252, 266)]
    other = oracle_engine(truth, long_side=252)
    other.weights = replace(FACTS, sha256="1" * 64)
    keys = [_key(opened, ("a",), SolveSettings(), engine) for engine in (*engines, other)]
    assert all(a != b for a, b in itertools.combinations(keys, 2))
