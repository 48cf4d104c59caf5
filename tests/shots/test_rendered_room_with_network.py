"""The rendered room with an oracle of network grade in the network's place, scored as any solve is."""

import json
import subprocess
import sys

import cv2
import numpy as np
import pytest
import tolerances
from oracle_network import NETWORK_GRADE, Truth, oracle_engine
from shared_footage import shared

from model_server.engines.page4d.engine import LONG_SIDE, PATCH
from model_server.geometry.pixel_map import fit_long_side
from model_server.pipeline.run import solve_clip
from model_server.settings import SolveSettings

pytestmark = pytest.mark.slow


def _truth(room) -> Truth:
    meta = json.loads((room / "meta.json").read_text())
    width, height = meta["width"], meta["height"]
    size = fit_long_side(width, height, LONG_SIDE, PATCH)
    poses = np.array(meta["cam_from_world"])
    depth, moving = (
        np.stack(
            [
                cv2.resize(cv2.imread(str(file), cv2.IMREAD_UNCHANGED), size, interpolation=cv2.INTER_NEAREST)
                for file in sorted((room / folder).iterdir())
            ]
        )
        for folder in ("depth", "masks")
    )
    fields = tuple(2 * np.arctan(side / 2 / meta["K"][0][0]) for side in (width, height))
    scale = np.float32(meta.get("depth_scale", 0.001))
    return Truth(poses @ np.linalg.inv(poses[0]), fields, depth.astype(np.float32) * scale, moving > 127)


def test_network_grade_cameras_and_true_depth_give_the_room_as_it_is(tmp_path, monkeypatch):
    room = shared("footage/room_7")
    engine = oracle_engine(_truth(room), NETWORK_GRADE, length=16)
    monkeypatch.setattr("model_server.pipeline.run.engine_named", lambda name: engine)
    package = tmp_path / "room_7.page4d"
    solve_clip(room / "frames", SolveSettings(), tmp_path / "work", package, lambda stage, done: None)
    tool = [sys.executable, str(shared("tools/score_package.py")), str(room), str(package)]
    score = json.loads(subprocess.run(tool, capture_output=True, text=True, check=True).stdout)
    assert score["frames_solved"] == 36
    assert score["ate_pct_of_extent"] <= tolerances.NETWORK_ROOM_PATH_PERCENT
    assert score["focal_err_worst_pct"] <= tolerances.NETWORK_ROOM_FOCAL_PERCENT
    assert score["J_moving"] >= tolerances.ROOM_MOVING
    assert score["absrel_still"] <= tolerances.NETWORK_ROOM_DEPTH
    assert score["absrel_moving"] <= tolerances.NETWORK_ROOM_DEPTH
