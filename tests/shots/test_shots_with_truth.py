"""Whole solves of real and rendered footage by the command line a user types, against their truth."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import tolerances
from shared_footage import shared

from model_server.package.reader import read_package

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Solved:
    package: Path
    score: dict  # what the scoring tool says


@pytest.fixture(scope="module")
def solved(tmp_path_factory):
    """A function that solves and scores a shot, once a module."""
    known = {}

    def solve(name: str, engine: str = "classical") -> Solved:
        if (name, engine) not in known:
            sequence = shared(f"footage/{name}")
            package = tmp_path_factory.mktemp("shots") / f"{name}.page4d"
            command = ["-m", "model_server", "solve", str(sequence / "frames"), "--out", str(package)]
            _run([*command, "--engine", engine])
            score = _run([str(shared("tools/score_package.py")), str(sequence), str(package)])
            known[name, engine] = Solved(package, json.loads(score))
        return known[name, engine]

    return solve


def test_a_rendered_room_is_solved_to_the_pixel(solved):
    score = solved("room_7").score
    assert score["frames_solved"] == score["frames_given"] == 36
    assert score["ate_pct_of_extent"] <= tolerances.ROOM_PATH_PERCENT
    assert score["focal_err_worst_pct"] <= tolerances.ROOM_FOCAL_PERCENT
    assert score["median_px_recomputed"] <= tolerances.ROOM_PX
    assert score["median_px_recomputed"] == pytest.approx(score["median_px"], abs=tolerances.CLAIMED_PX)


def test_depth_of_a_rendered_room_is_known_and_true(solved):
    score = solved("room_7").score
    assert score["absrel_still"] <= tolerances.ROOM_DEPTH
    assert score["still_known"] >= tolerances.KNOWN_SHARE
    assert score["absrel_moving"] <= tolerances.ROOM_MOVING_DEPTH
    assert score["flicker_pct"] <= tolerances.ROOM_FLICKER_PERCENT


def test_what_moves_in_a_rendered_room_is_found_as_two_things(solved):
    score = solved("room_7").score
    assert score["J_moving"] >= tolerances.ROOM_MOVING
    assert score["layers"] == 2  # a person and a ball


def test_up_in_a_rendered_room_is_the_truth(solved):
    manifest = read_package(solved("room_7").package).manifest
    truth = json.loads((shared("footage/room_7") / "meta.json").read_text())
    up = np.array(truth["cam_from_world"][0])[:3, :3] @ [0, 0, 1]  # Blender's up in the first camera
    assert np.degrees(np.arccos(np.clip(up @ manifest.up, -1, 1))) <= tolerances.UP_DEGREES
    assert manifest.floor is not None


def test_the_package_of_a_rendered_room_is_what_its_manifest_says(solved):
    package = read_package(solved("room_7").package)
    package.verify()
    depth, moving = package.array("depth.npy"), package.array("moving.npy")
    # The scene's unit (DESIGN.md): the median background depth of the first frame is 5.
    assert np.median(depth[0][(depth[0] > 0) & (moving[0] <= 127)]) == pytest.approx(5.0, rel=tolerances.UNIT)


@pytest.mark.slow
@pytest.mark.parametrize("engine", ["classical", "page4d-mini"])
def test_a_real_kitchen_is_solved_to_centimeters_wherever_cameras_begin(solved, engine):
    score = solved("7scenes_kitchen", engine).score
    assert score["frames_solved"] == 60
    assert score["ate"] <= tolerances.KITCHEN_PATH_M
    assert score["ate_vs_second_opinion"] <= tolerances.KITCHEN_SECOND_PATH_M
    assert score["absrel_still"] <= tolerances.KITCHEN_DEPTH


@pytest.mark.slow
def test_what_moves_in_real_footage_is_found_on_a_path_without_jumps(solved):
    shots = [solved(name) for name in ("davis_car-roundabout", "davis_drift-straight", "davis_parkour")]
    assert np.mean([shot.score["J_moving"] for shot in shots]) >= tolerances.DAVIS_MOVING
    for shot in shots:
        assert shot.score["frames_solved"] == shot.score["frames_given"]
        poses = np.linalg.inv(read_package(shot.package).array("cameras/camera_from_world.npy"))
        steps = np.linalg.norm(np.diff(poses[:, :3, 3], axis=0), axis=1)
        assert steps.max() <= tolerances.JUMP * np.median(steps)


def _run(arguments: list[str]) -> str:
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout
