"""Where the camera comes back, drift goes; where it only looks so, nothing happens."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from camera_errors import path_error
from window_scene import StandIn, walk_around

from model_server.engines.page4d import revisits
from model_server.engines.page4d import stitch as stitching
from model_server.engines.page4d.loop_closure import corrections
from model_server.engines.page4d.pose_graph import Edges, optimize
from model_server.engines.page4d.revisits import Loop, Sights, find_loops
from model_server.engines.page4d.shot_files import ShotFiles
from model_server.engines.page4d.similarity import Similarity, exponential, logarithm
from model_server.engines.page4d.stitch import Stitched, stitch
from model_server.engines.page4d.window import Window

LENGTH, OVERLAP = 16, 4
BETTER = 8.0  # times, of the path's error
POSES = 30


def stitched(network: StandIn, folder: Path) -> Stitched:
    return stitch(network.hall.images, LENGTH, OVERLAP, network, folder, lambda _: None)


def test_coming_back_takes_the_drift_out(tmp_path, monkeypatch):
    hall = walk_around(120, 1.15, 160, 120)
    network = StandIn(hall, noise=0.005, turn_drift=0.002, scale_drift=0.002)
    closed = stitched(network, tmp_path)
    closed_error = path_error(closed.geometry.camera_from_world, hall.camera_from_world)
    monkeypatch.setattr(stitching, "find_loops", lambda *_: ())
    open_error = path_error(stitched(network, tmp_path).geometry.camera_from_world, hall.camera_from_world)
    assert closed.loops
    assert closed_error * BETTER < open_error
    steps = np.linalg.norm(np.diff(np.linalg.inv(closed.geometry.camera_from_world)[:, :3, 3], axis=0), axis=1)
    assert steps.max() < 1.5 * np.median(steps), "the correction is spread, no frame jumps"


class Told(Sights):
    """Holds pairs for alike that show the poster."""

    def pairs(self, gap):
        return [(first, second) for first in (0, 1, 2) for second in (32, 33, 34)]


def test_two_posters_alike_are_no_place_twice(tmp_path, monkeypatch):
    hall = walk_around(40, 0.6, 160, 120, posters=True)
    files = written(StandIn(hall), tmp_path)
    assert find_loops(hall.images, Told(), files, LENGTH) == ()
    monkeypatch.setattr(revisits, "_same_view", lambda *_: True)
    assert find_loops(hall.images, Told(), files, LENGTH), "the posters themselves agree in looks and shape"


def test_a_place_seen_twice_is_found_with_the_drift_between(tmp_path):
    hall = walk_around(120, 1.15, 160, 120)
    files = written(StandIn(hall), tmp_path)
    drift = exponential(np.array([0.1, 0, 0.2, 0, 0.1, 0, 0.2]))
    files.camera_from_world[100:] = drift.cameras(files.camera_from_world[100:])
    depth = np.load(tmp_path / "depth.npy", mmap_mode="r+")
    depth[100:] *= np.float32(drift.scale)
    sights = Sights()
    for index, image in enumerate(hall.images):
        sights.add(index, image)
    loops = find_loops(hall.images, sights, files, 2 * LENGTH)
    assert loops
    for loop in loops:
        assert np.abs(logarithm(loop.first_from_second @ drift)).max() < 0.01


def test_a_loop_that_windows_could_not_have_drifted_is_left_out(tmp_path):
    files = written(StandIn(walk_around(120, 1.15, 160, 120)), tmp_path)
    absurd = exponential(np.array([0, 0, 0, 0, 2.5, 0, 0.0]))
    kept = corrections((Loop(0, 60, absurd, 100),), files, LENGTH, ())
    assert np.abs(logarithm(kept)).max() == 0


def chain(drift: np.ndarray) -> tuple[Similarity, Similarity, Similarity]:
    """True poses on a circle, measured steps, and poses chained from these."""
    angles = np.linspace(0, 2 * np.pi, POSES)
    turns = np.zeros((POSES, 7))
    turns[:, 4] = 0.4 * angles
    places = 4 * np.stack([np.sin(angles), 0 * angles, np.cos(angles)], -1)
    truth = Similarity(np.ones(POSES), exponential(turns).rotation, places)
    steps = truth[:-1].inverse @ truth[1:] @ exponential(np.tile(drift, (POSES - 1, 1)))
    poses = [truth[0]]
    for index in range(POSES - 1):
        poses.append(poses[-1] @ steps[index])
    return truth, steps, stacked(poses)


def stacked(ones) -> Similarity:
    names = ("scale", "rotation", "translation")
    return Similarity(*(np.array([getattr(one, name) for one in ones]) for name in names))


def graph(truth: Similarity, steps: Similarity, loops: list[tuple[int, int, Similarity]]) -> Edges:
    starts = np.arange(POSES - 1)
    measured = [steps[index] for index in starts] + [measure for *_, measure in loops]
    return Edges(
        first=np.concatenate([starts, [first for first, *_ in loops]]).astype(int),
        second=np.concatenate([starts + 1, [second for _, second, _ in loops]]).astype(int),
        first_from_second=stacked(measured),
        deviations=np.tile(np.array([0.05] * 3 + [0.02] * 3 + [0.05]), (len(measured), 1)),
        doubtful=np.arange(len(measured)) >= POSES - 1,
    )


def worst(poses: Similarity, truth: Similarity) -> float:
    return float(np.abs(poses.translation - truth.translation).max())


@pytest.mark.parametrize("drift", [np.zeros(7), np.array([0.01, 0, 0.01, 0, 0.004, 0, 0.01])])
def test_false_loops_do_not_bend_a_chain_that_true_ones_hold(drift):
    truth, steps, start = chain(drift)
    true = [(a, b, truth[a].inverse @ truth[b]) for a, b in ((0, 29), (1, 28), (3, 25), (6, 29))]
    wrong = exponential(np.array([3.0, 0.5, -2, 0.3, 1.0, 0.2, 0.5]))
    false = [(5, 20, wrong), (10, 27, wrong.inverse)]
    clean, _ = optimize(start, graph(truth, steps, true))
    trapped, weights = optimize(start, graph(truth, steps, true + false))
    assert (weights[-2:] < 0.05).all()
    assert (weights[-6:-2] > 0.5).all()
    assert worst(trapped, truth) < worst(clean, truth) + 0.05
    if drift.any():
        assert worst(clean, truth) * 3 < worst(start, truth)


def test_a_graph_without_contradiction_stays_as_it_is():
    truth, steps, start = chain(np.zeros(7))
    kept, weights = optimize(start, graph(truth, steps, [(0, 29, truth[0].inverse @ truth[29])]))
    assert worst(kept, truth) < 1e-8
    assert weights.min() > 0.99


def test_sights_stay_few_on_any_length():
    sights, image = Sights(), np.zeros((48, 64, 3), np.uint8)
    for frame in range(3000):
        sights.add(frame, image)
    assert 200 <= len(sights.frames) <= 400
    assert max(np.diff(sights.frames)) == min(np.diff(sights.frames))
    assert sights.pairs(10) == [], "a shot that looks alike everywhere comes back nowhere"


def written(network: StandIn, folder: Path) -> ShotFiles:
    """The truth, as if windows had been put together without any error."""
    hall, (count, height, width) = network.hall, network.hall.depth.shape
    files = ShotFiles(folder, count, height, width, has_motion=False)
    seen = network(Window(0, count, 0))
    files.write(0, replace(seen, camera_from_world=hall.camera_from_world, depth=hall.depth.astype(np.float32)))
    return files
