"""Finished stages are kept, unfinished ones are done again, and a kept result is the one that was made."""

import math
from dataclasses import dataclass

import numpy as np
import pytest

from model_server.geometry.lens import Distortion
from model_server.geometry.shot import DepthMaps, Geometry, Layer, Layers, Solution, SolveMode
from model_server.pipeline.checkpoint import Checkpoints, new_array
from model_server.pipeline.room import NoRoom, need_room
from model_server.pipeline.stages import STAGES, overall

SOLUTION = Solution(
    camera_from_world=np.repeat(np.eye(4)[None], 3, 0),
    intrinsics=np.repeat(np.eye(3)[None], 3, 0),
    distortion=Distortion(k1=-0.1),
    status=np.zeros(3, np.uint8),
    reprojection_px=np.full(3, np.nan, np.float32),
    points=np.zeros((0, 3), np.float32),
    observations=np.zeros((0, 4), np.float32),
    mode=SolveMode.TRIPOD,
    median_px=np.float64(0.3),
    cuts=(4, 9),
    assumptions=("the lens has no distortion",),
)


def _fail(_):
    raise AssertionError("done again")


def _same(a, b):
    for name in vars(a):
        one, other = getattr(a, name), getattr(b, name)
        if isinstance(one, np.ndarray):
            assert one.dtype == other.dtype, name
            np.testing.assert_array_equal(one, other, err_msg=name)
        else:
            assert one == other or (math.isnan(one) and math.isnan(other)), name


@pytest.mark.parametrize(
    "result",
    [
        SOLUTION,
        Geometry(static_tracks=np.array([True, False])),
        Layers(np.zeros((2, 3, 4), np.uint8), (Layer(1, "Thing 1", 0, 1), Layer(2, "Thing 2", 1, 1))),
        DepthMaps(np.random.default_rng(0).random((5, 300, 300), np.float32), np.ones((5, 300, 300), np.float16)),
    ],
    ids=lambda result: type(result).__name__,
)
def test_a_result_is_worked_out_once_and_read_back_as_it_was(tmp_path, result):
    first = Checkpoints(tmp_path / "work", "key").result("one", type(result), lambda _: result)
    again = Checkpoints(tmp_path / "work", "key").result("one", type(result), _fail)
    _same(first, result)
    _same(again, result)


def test_another_key_starts_anew(tmp_path):
    Checkpoints(tmp_path / "work", "key").result("one", Solution, lambda _: SOLUTION)
    (tmp_path / "work/one/left_over").touch()
    other = Checkpoints(tmp_path / "work", "other key")
    assert other.is_new
    other.result("one", Solution, lambda _: SOLUTION)
    assert not (tmp_path / "work/one/left_over").exists()
    assert not Checkpoints(tmp_path / "work", "other key").is_new


def test_a_stage_that_was_cut_off_is_done_again(tmp_path):
    @dataclass(frozen=True)
    class Images:
        images: np.ndarray

    def half(folder):
        new_array(folder, "images", "uint8", (4, 2, 2, 3))[:2] = 7
        raise KeyboardInterrupt

    def whole(folder):
        images = new_array(folder, "images", "uint8", (4, 2, 2, 3))
        images[:] = 9
        return Images(images)

    with pytest.raises(KeyboardInterrupt):
        Checkpoints(tmp_path / "work", "key").result("plate", Images, half)
    result = Checkpoints(tmp_path / "work", "key").result("plate", Images, whole)
    assert (result.images == 9).all()


def test_a_workspace_that_was_removed_in_part_is_no_longer_used(tmp_path, monkeypatch):
    checkpoints = Checkpoints(tmp_path / "work", "key")
    checkpoints.result("one", Solution, lambda _: SOLUTION)
    monkeypatch.setattr("shutil.rmtree", lambda *_, **__: None)
    checkpoints.remove()
    monkeypatch.undo()
    assert (tmp_path / "work/one").exists()
    assert Checkpoints(tmp_path / "work", "key").is_new


def test_what_is_changed_in_memory_stays_unchanged_on_disk(tmp_path):
    maps = DepthMaps(np.zeros((5, 300, 300), np.float32), np.ones((5, 300, 300), np.float16))
    first = Checkpoints(tmp_path / "work", "key").result("one", DepthMaps, lambda _: maps)
    first.depth[:] = 1
    assert not Checkpoints(tmp_path / "work", "key").result("one", DepthMaps, _fail).depth.any()


def test_the_time_of_a_finished_stage_is_kept(tmp_path):
    checkpoints = Checkpoints(tmp_path / "work", "key")
    checkpoints.result("one", Solution, lambda _: SOLUTION)
    assert Checkpoints(tmp_path / "work", "key").seconds("one") == checkpoints.seconds("one") >= 0


def test_a_disk_that_is_too_small_is_named_before_the_work(tmp_path):
    need_room(10, 64, 48, tmp_path)
    with pytest.raises(NoRoom, match=r"100000000 frames need about [\d.]+ GB of disk"):
        need_room(100_000_000, 640, 480, tmp_path)


def test_overall_progress_grows_from_0_to_1_over_the_stages():
    values = [overall(stage, fraction) for stage in STAGES for fraction in (0, 0.5, 1)]
    assert values == sorted(values)
    assert values[0] == 0
    assert values[-1] == pytest.approx(1)
