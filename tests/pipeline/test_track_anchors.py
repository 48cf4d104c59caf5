"""A patch is found where its anchor lies, however it is stretched, turned and lit."""

import numpy as np
import pytest

from model_server.pipeline.track_anchors import AnchorPicture, Anchors

SIZE = 200
ALIGNED_PX = 0.05
WAVES = np.random.default_rng(5).normal(0, 0.25, (60, 2))  # radians a pixel
PHASES = np.random.default_rng(6).uniform(0, 2 * np.pi, 60)


def _picture(warp: np.ndarray, shift: np.ndarray, gain: float = 1.0) -> np.ndarray:
    """(SIZE, SIZE) uint8 of one texture: what lies at p in the first picture lies at `warp @ p + shift`."""
    x, y = np.meshgrid(np.arange(SIZE, dtype=float), np.arange(SIZE, dtype=float))
    source = (np.stack([x, y], -1) - shift) @ np.linalg.inv(warp).T
    values = np.cos(source @ WAVES.T + PHASES).sum(-1)
    return np.clip(np.rint(gain * (values * 9 + 110)), 0, 255).astype(np.uint8)


def _grid() -> np.ndarray:
    x, y = np.meshgrid(np.arange(60, 141, 20), np.arange(60, 141, 20))
    return np.column_stack([x.ravel(), y.ravel()]).astype(np.float32)


def _turned(angle: float, grown: float) -> tuple[np.ndarray, np.ndarray]:
    """About the picture's middle."""
    warp = grown * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    middle = np.full(2, SIZE / 2)
    return warp, middle - warp @ middle


@pytest.mark.parametrize("gain", [1.0, 0.7], ids=["same light", "darker"])
def test_a_patch_that_turns_and_grows_does_not_drift(gain):
    points = _grid()
    anchors = Anchors()
    anchors.add(AnchorPicture.of(_picture(np.eye(2), np.zeros(2))), points)
    places, random = points, np.random.default_rng(0)
    for step in range(1, 16):
        warp, shift = _turned(0.02 * step, 1.02**step)
        truth = points @ warp.T + shift
        seen = truth + random.normal(0, 0.2, truth.shape)  # as flow would have it
        places, likeness = anchors.align(AnchorPicture.of(_picture(warp, shift, gain)), seen.astype(np.float32))
        assert np.median(np.linalg.norm(places - truth, axis=1)) < ALIGNED_PX
        assert np.median(likeness) > 0.95


def test_what_is_not_there_keeps_its_place_or_says_that_it_is_unlike():
    points = _grid()
    anchors = Anchors()
    anchors.add(AnchorPicture.of(_picture(np.eye(2), np.zeros(2))), points)
    noise = np.random.default_rng(1).integers(0, 255, (SIZE, SIZE)).astype(np.uint8)
    places, likeness = anchors.align(AnchorPicture.of(noise), points)
    assert np.linalg.norm(places - points, axis=1).max() <= 1.0
    assert np.median(likeness) < 0.7


def test_a_renewed_anchor_takes_the_new_look_and_others_keep_theirs():
    points = _grid()
    anchors = Anchors()
    anchors.add(AnchorPicture.of(_picture(np.eye(2), np.zeros(2))), points)
    other = AnchorPicture.of(_picture(np.eye(2), np.array([300.0, 0.0])))
    which = np.arange(len(points)) < 5
    anchors.renew(which, other, points)
    _, likeness = anchors.align(other, points)
    assert likeness[which].min() > 0.99
    assert np.median(likeness[~which]) < 0.7
    anchors.keep(which)
    assert len(anchors.align(other, points[which])[1]) == 5


def test_flat_patches_stay_where_they_are():
    points = _grid()
    flat = AnchorPicture.of(np.full((SIZE, SIZE), 90, np.uint8))
    anchors = Anchors()
    anchors.add(flat, points)
    places, _ = anchors.align(flat, points)
    assert np.allclose(places, points)
