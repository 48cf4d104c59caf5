"""A shot of many windows comes out as one: one world, one unit, no jump where windows meet, memory for one of them."""

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from camera_errors import path_error
from tolerances import STITCHED_DEPTH, STITCHED_PATH
from window_scene import StandIn, gauge, walk_around

from model_server.engines.page4d.blending import cross_fade
from model_server.engines.page4d.stitch import Stitched, stitch
from model_server.engines.page4d.window import Window, WindowGeometry, WindowTooLong
from model_server.geometry.cameras import inverse

LENGTH, OVERLAP = 16, 4
FRAMES = 60
FLAT_MB = 8.0  # a shot that stayed in memory would take 0.09 MB a frame
ROOT = Path(__file__).parents[2]


def hall():
    return walk_around(FRAMES, 0.6)


def stitched(predict, folder: Path, length: int = LENGTH, overlap: int = OVERLAP) -> Stitched:
    return stitch(hall().images, length, overlap, predict, folder, lambda _: None)


def unit() -> float:
    """Of the first window."""
    return float(gauge(0).scale)


@pytest.mark.parametrize("wrong", [0.0, 0.3])
def test_exact_windows_make_the_exact_shot(tmp_path, wrong):
    found = stitched(StandIn(hall(), wrong=wrong), tmp_path)
    geometry, right = found.geometry, slice(round(80 * wrong), None)
    assert found.weak_seams == ()
    assert len(found.windows) > 3
    assert path_error(geometry.camera_from_world, hall().camera_from_world) < STITCHED_PATH
    assert np.allclose(geometry.camera_from_world[0], np.eye(4))
    assert np.abs(geometry.camera_from_world[:, :3, :3] - hall().camera_from_world[:, :3, :3]).max() < STITCHED_PATH
    depth = geometry.depth[:, :, right] / unit()
    assert np.abs(depth / hall().depth[:, :, right] - 1).max() < STITCHED_DEPTH, "one unit: the first window's"
    assert np.allclose(geometry.intrinsics, hall().intrinsics)


def test_overlaps_longer_than_half_a_window_are_joined_too(tmp_path):
    found = stitched(StandIn(hall()), tmp_path, length=10, overlap=7)
    assert path_error(found.geometry.camera_from_world, hall().camera_from_world) < STITCHED_PATH


def test_what_comes_back_lies_on_disk_in_the_shapes_of_a_geometry(tmp_path):
    geometry = stitched(StandIn(hall()), tmp_path).geometry
    shape = hall().depth.shape
    assert (geometry.depth.dtype, geometry.depth.shape) == (np.float32, shape)
    assert (geometry.confidence.dtype, geometry.confidence.shape) == (np.float16, shape)
    assert geometry.motion is None
    assert Path(geometry.depth.filename) == tmp_path / "depth.npy"
    assert not (tmp_path / "motion.npy").exists()
    assert (geometry.camera_from_world.dtype, geometry.intrinsics.dtype) == (np.float64, np.float64)


def test_motion_is_kept_where_the_network_knows_it(tmp_path):
    def predict(window: Window) -> WindowGeometry:
        seen = StandIn(hall())(window)
        numbers = np.arange(window.start, window.stop, dtype=np.float32)[:, None, None]
        return replace(seen, motion=np.broadcast_to(numbers / 200, seen.depth.shape))

    motion = stitched(predict, tmp_path).geometry.motion
    assert motion.dtype == np.float32
    assert np.allclose(motion, (np.arange(FRAMES) / 200)[:, None, None])


def test_nothing_jumps_where_windows_meet(tmp_path):
    network = StandIn(hall(), turn_drift=0.001, scale_drift=0.004)
    found = stitched(network, tmp_path)
    centers = inverse(found.geometry.camera_from_world)[:, :3, 3]
    speed = np.linalg.norm(np.diff(centers, axis=0), axis=1) / np.linalg.norm(
        np.diff(inverse(hall().camera_from_world)[:, :3, 3], axis=0), axis=1
    )
    assert np.abs(np.diff(np.log(speed))).max() < 0.1
    scale = np.median(found.geometry.depth / hall().depth, axis=(1, 2))
    assert np.abs(np.diff(np.log(scale))).max() < 0.02


def test_a_shared_frame_fades_and_keeps_two_surfaces_apart():
    pose, lens = np.tile(np.eye(4), (3, 1, 1)), np.tile(np.eye(3), (3, 1, 1))
    near, far = np.full((3, 2, 2), 4.0, np.float32), np.full((3, 2, 2), 4.2, np.float32)
    moved = pose.copy()
    moved[:, 0, 3] = 1
    before = WindowGeometry(pose, lens, near, np.full_like(near, 0.5), None)
    after = WindowGeometry(moved, lens * 2, far, np.full_like(near, 0.5), None)
    faded = cross_fade(before, after)
    assert np.allclose(faded.camera_from_world[:, 0, 3], [0.25, 0.5, 0.75])
    assert np.allclose(faded.intrinsics[:, 0, 0], [1.25, 1.5, 1.75])
    assert (np.diff(faded.depth[:, 0, 0]) > 0).all()
    apart = cross_fade(before, replace(after, depth=far * 2))
    assert set(np.unique(apart.depth)) == {np.float32(4.0), np.float32(8.4)}
    assert np.allclose(cross_fade(before, replace(after, depth=far * 0)).depth, 4), "known beats unknown"


def test_too_long_windows_are_halved_and_nothing_is_done_twice(tmp_path):
    network = StandIn(hall(), memory=5)
    found = stitched(network, tmp_path, length=16, overlap=6)
    assert path_error(found.geometry.camera_from_world, hall().camera_from_world) < STITCHED_PATH
    assert [window.frame_count for window in network.asked[:2]] == [15, 6], "at most half"
    assert max(window.frame_count for window in found.windows) <= 5
    assert all(after.shared >= 1 for after in found.windows[1:])


def test_memory_that_shrinks_on_the_way_changes_only_what_is_left(tmp_path):
    network = StandIn(hall())

    def predict(window: Window) -> WindowGeometry:
        if window.start > 20:
            network.memory = 8
        return network(window)

    found = stitched(predict, tmp_path)
    assert path_error(found.geometry.camera_from_world, hall().camera_from_world) < STITCHED_PATH
    sizes = [window.frame_count for window in found.windows]
    assert sizes[0] > 8 >= sizes[-1]
    assert found.windows == tuple(window for window in network.asked if window in found.windows), "in order, once each"
    new = [range(window.start + window.shared, window.stop) for window in found.windows]
    assert [frame for frames in new for frame in frames] == list(range(FRAMES))


def test_a_device_that_holds_nothing_says_what_to_do(tmp_path):
    with pytest.raises(WindowTooLong, match="not even") as caught:
        stitched(StandIn(hall(), memory=1), tmp_path)
    assert caught.value.hint


@pytest.mark.parametrize("frames", [1, 2, 5])
def test_short_shots_are_one_window(tmp_path, frames):
    scene = walk_around(frames, 0.01)
    found = stitch(scene.images, LENGTH, OVERLAP, StandIn(scene), tmp_path, lambda _: None)
    assert found.windows == (Window(0, frames, 0),)
    assert np.abs(found.geometry.depth / unit() / scene.depth - 1).max() < STITCHED_DEPTH


def nonsense(window: Window) -> WindowGeometry:
    """Cameras, depth and confidence by chance, another way in each window."""
    random = np.random.default_rng(window.start)
    count = window.frame_count
    poses = np.tile(np.eye(4), (count, 1, 1))
    poses[:, :3, :3] = np.linalg.qr(random.normal(size=(count, 3, 3)))[0]
    poses[:, :3, :3] *= np.linalg.det(poses[:, :3, :3])[:, None, None]
    poses[:, :3, 3] = random.normal(size=(count, 3))
    depth = np.exp(random.normal(random.normal() * 3, 1, (count, 60, 80))).astype(np.float32)
    lens = np.tile(hall().intrinsics, (count, 1, 1))
    return WindowGeometry(poses, lens, depth, random.random(depth.shape).astype(np.float32), None)


def broken(window: Window) -> WindowGeometry:
    """Some cameras, lenses and depths are no numbers."""
    seen = StandIn(hall())(window)
    if window.start:
        seen.camera_from_world[[2, 6]] = np.nan
        seen.intrinsics[1, 0, 0] = np.inf
        seen.depth[:, ::2] = np.nan
        seen.depth[:, 1, 1] = -1
    return seen


def test_nonsense_comes_out_finite_and_is_called_weak(tmp_path):
    found = stitched(nonsense, tmp_path)
    assert len(found.weak_seams) == len(found.windows) - 1
    assert found.weak_seams == tuple(window.start + window.shared for window in found.windows[1:])
    for values in (found.geometry.camera_from_world, found.geometry.intrinsics, found.geometry.depth):
        assert np.isfinite(values).all()
    assert found.geometry.depth.min() > 0


def test_frames_without_a_number_are_unknown_and_harm_no_other(tmp_path):
    geometry = stitched(broken, tmp_path).geometry
    known = np.isfinite(geometry.camera_from_world).all((1, 2))
    assert (~known).sum() == 4, "one in each later window; what the window before knows is kept"
    assert np.isfinite(geometry.depth).all()
    assert geometry.depth.min() == 0
    found, truth = geometry.camera_from_world[known], hall().camera_from_world[known]
    assert path_error(found, truth) < STITCHED_PATH


def test_a_network_that_says_nothing_breaks_nothing(tmp_path):
    def nothing(window: Window) -> WindowGeometry:
        seen = StandIn(hall())(window)
        return replace(seen, camera_from_world=seen.camera_from_world * np.nan, depth=seen.depth * np.float32(np.nan))

    found = stitched(nothing, tmp_path)
    assert np.isnan(found.geometry.camera_from_world).all()
    assert (found.geometry.depth == 0).all()
    assert len(found.weak_seams) == len(found.windows) - 1


def test_progress_only_grows_and_ends(tmp_path):
    heard: list[float] = []
    stitch(hall().images, LENGTH, OVERLAP, StandIn(hall()), tmp_path, heard.append)
    assert heard == sorted(heard)
    assert heard[-1] == 1


@pytest.mark.parametrize(
    ("frames", "early"), [(300, 100), pytest.param(1000, 200, marks=pytest.mark.slow)], ids=["300", "1000"]
)
def test_memory_is_that_of_one_window_however_long_the_shot(frames, early):
    pytest.importorskip("torch")
    told = tiny_network_over(frames)
    first = next(row for row in told if row["frames"] >= early)
    last = next(row for row in told if row.get("finished"))
    assert last["frames"] == frames
    assert last["own_mb"] - first["own_mb"] < FLAT_MB
    assert told[-1]["finite"], "random weights make no sense, and still numbers"
    assert told[-1]["windows"] >= frames // LENGTH


def tiny_network_over(frames: int) -> list[dict]:
    """What the benchmark says of the tiny network with random weights, in a process of its own."""
    command = [sys.executable, "-W", "error", str(ROOT / "benchmarks" / "long_shot.py"), "--frames", str(frames)]
    command += ["--length", str(LENGTH), "--overlap", str(OVERLAP)]
    threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
    environment = {**os.environ, **threads, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]
