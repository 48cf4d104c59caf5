"""Windows of a shot: what overlapping ones share is looked at once, and what leaves is in the shot's own terms."""

import numpy as np
import pytest
import torch
from random_network import random_network
from scipy.spatial.transform import Rotation
from tolerances import NETWORK_RELATIVE, ROUND_TRIP

from model_server.engines.page4d.network.config import ModelConfig
from model_server.engines.page4d.network.precision import Precision
from model_server.engines.page4d.pose_encoding import decode_cameras
from model_server.engines.page4d.runner import WindowRunner
from model_server.engines.page4d.window import Window, WindowTooLong

STRENGTH = 64.0


@pytest.fixture
def images() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (12, 42, 70, 3), np.uint8)


def _runner(images, strength=STRENGTH) -> WindowRunner:
    return WindowRunner(random_network(ModelConfig.tiny()), images, strength, Precision.full())


def test_frames_that_windows_share_go_through_the_backbone_once(images):
    runner, seen = _runner(images), []
    runner._network.backbone.register_forward_pre_hook(lambda _, inputs: seen.append(len(inputs[0])))
    windows = [Window(0, 6, 0), Window(4, 10, 2), Window(8, 12, 2)]
    found = [runner(window) for window in windows]
    assert sum(seen) == len(images)
    for window, one in zip(windows, found):
        alone = _runner(images)(window)
        for name in ("camera_from_world", "intrinsics", "depth", "confidence", "motion"):
            ours, twin = getattr(one, name), getattr(alone, name)
            assert np.allclose(ours, twin, rtol=NETWORK_RELATIVE, atol=NETWORK_RELATIVE), name


def test_windows_may_come_again_or_from_before(images):
    runner = _runner(images)
    first = runner(Window(0, 5, 0))
    runner(Window(6, 12, 0))
    again = runner(Window(0, 5, 0))
    assert np.allclose(first.depth, again.depth, rtol=NETWORK_RELATIVE)


def test_what_leaves_is_in_the_shots_terms(images):
    found = _runner(images)(Window(2, 7, 0))
    assert np.allclose(found.camera_from_world[0], np.eye(4), atol=ROUND_TRIP)
    assert np.allclose(found.intrinsics[:, :2, 2], [35, 21])
    assert found.depth.shape == found.confidence.shape == found.motion.shape == (5, 42, 70)
    assert (found.depth > 0).all()
    for share in (found.confidence, found.motion):
        assert 0 <= share.min() <= share.max() <= 1
    assert found.motion.std() > 0


def test_without_the_mask_there_is_no_motion(images):
    assert _runner(images, strength=0.0)(Window(0, 2, 0)).motion is None


def test_motion_is_high_where_the_key_is_low(images):
    runner = _runner(images)
    motion = runner(Window(0, 2, 0)).motion
    with torch.inference_mode():
        pictures = torch.from_numpy(images[:2]).permute(0, 3, 1, 2)[None] / 255
        keys = runner._network(pictures, STRENGTH).keys[0].numpy()
    centers = motion[:, 7::14, 7::14]
    assert np.corrcoef(centers.ravel(), keys.ravel())[0, 1] < -0.9


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory"),
        RuntimeError("[enforce fail at alloc_cpu.cpp:117] DefaultCPUAllocator: can't allocate memory: you tried ..."),
    ],
)
def test_too_little_memory_is_said_by_name(images, error, monkeypatch):
    runner = _runner(images)

    def fail(*_, **__):
        raise error

    monkeypatch.setattr(runner._network, "from_patches", fail)
    with pytest.raises(WindowTooLong, match="5 frames at once"):
        runner(Window(0, 5, 0))


def test_other_failures_are_not_taken_for_too_little_memory(images, monkeypatch):
    runner = _runner(images)
    monkeypatch.setattr(runner._network, "from_patches", lambda *_, **__: torch.zeros(2) @ torch.zeros(3))
    with pytest.raises(RuntimeError, match="size"):
        runner(Window(0, 5, 0))


def test_cameras_are_decoded_with_both_fields_of_view():
    random = np.random.default_rng(4)
    quaternions, translations = random.normal(size=(6, 4)), random.normal(size=(6, 3))
    fields = np.radians(random.uniform(20, 100, (6, 2)))
    found, intrinsics = decode_cameras(np.hstack([translations, quaternions, fields]), width=518, height=294)
    assert np.allclose(found[:, :3, :3], Rotation.from_quat(quaternions).as_matrix())
    assert np.allclose(found[:, :3, 3], translations)
    # The edges of the picture are seen at half the field of view.
    assert np.allclose(294 / 2 / intrinsics[:, 1, 1], np.tan(fields[:, 0] / 2))
    assert np.allclose(518 / 2 / intrinsics[:, 0, 0], np.tan(fields[:, 1] / 2))
    assert np.allclose(intrinsics[:, :2, 2], [259, 147])


def test_numbers_that_are_no_camera_still_give_a_finite_one():
    found, intrinsics = decode_cameras(np.zeros((1, 9)), width=70, height=42)
    assert np.allclose(found, np.eye(4))
    assert np.isfinite(intrinsics).all()
