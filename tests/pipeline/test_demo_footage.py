"""The demo's footage is whole, and its truth is true: sizes, numbers, cameras, planted feet."""

import json
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from tolerances import DEMO_FOOT_PX, DEMO_FOOT_SLIDE_M

from model_server.footage.open import open_clip

DEMO = Path(__file__).parents[2] / "demo"
FOOTAGE, TRUTH = DEMO / "footage", DEMO / "footage" / "truth"
FRAMES, WIDTH, HEIGHT = 60, 540, 360


@pytest.fixture(scope="module")
def meta() -> dict:
    return json.loads((TRUTH / "meta.json").read_text())


@pytest.fixture
def plate_maker(monkeypatch):
    """The modules that made the plate, as its script sees them."""
    monkeypatch.syspath_prepend(str(DEMO / "make_plate"))
    import place
    import walk

    yield place, walk
    for name in ("place", "walk"):
        sys.modules.pop(name, None)


def layer(index: int) -> np.ndarray:
    return cv2.imread(str(TRUTH / "layers" / f"{index + 1:04d}.png"), cv2.IMREAD_UNCHANGED)


def test_the_movie_opens_with_every_frame():
    info = open_clip(FOOTAGE / "office_walk.mp4").info
    assert (info.width, info.height, info.frame_count, info.fps) == (WIDTH, HEIGHT, FRAMES, 10)
    assert info.frame_numbers == tuple(range(1, FRAMES + 1))


def test_the_movie_is_small_enough_for_the_repository():
    assert (FOOTAGE / "office_walk.mp4").stat().st_size < 5_000_000


def test_the_license_names_source_and_terms():
    text = (FOOTAGE / "LICENSE.md").read_text()
    for part in (
        "ardaduz/deep-video-mvs",
        "fa14288f149c5af7b2a49092f729f5c4f44517ba",
        "MIT License",
        "GPL-3.0-or-later",
    ):
        assert part in text


def test_masks_fit_the_movie_and_the_layers():
    for index in range(FRAMES):
        mask = cv2.imread(str(TRUTH / "masks" / f"{index + 1:04d}.png"), cv2.IMREAD_UNCHANGED)
        assert mask.shape == (HEIGHT, WIDTH)
        assert set(np.unique(mask)) <= {0, 255}
        assert np.array_equal(mask > 0, layer(index) > 0)


def test_layers_appear_only_in_their_frames(meta):
    for person in meta["people"]:
        first, last = person["frames"]
        shown = [index for index in range(FRAMES) if (layer(index) == person["layer"]).any()]
        assert first <= min(shown)
        assert max(shown) <= last


def test_cameras_are_rigid_and_stand_at_eye_height(meta):
    poses = np.array(meta["cam_from_world"])
    assert poses.shape == (FRAMES, 4, 4)
    rotations = poses[:, :3, :3]
    assert np.allclose(rotations @ rotations.transpose(0, 2, 1), np.eye(3), atol=1e-6)
    heights = np.linalg.inv(poses)[:, 2, 3]
    assert np.all((heights > 1.4) & (heights < 1.9))


def test_resting_feet_do_not_slide(plate_maker):
    place, walk = plate_maker
    for walker in place.walkers():
        distances = np.linspace(0.0, 4.0, 800)
        poses = walk.walk(walker.path, distances)
        for side in "LR":
            ankles = _moved(poses, walk, f"foot.{side}", walk.ANKLE, side)
            for resting in _stretches([side in walk.footprints(walker.path, d) for d in distances]):
                assert np.ptp(ankles[resting], axis=0).max() < DEMO_FOOT_SLIDE_M


def test_feet_of_the_walk_are_where_the_masks_end(plate_maker, meta):
    """Where the person in the corridor is seen whole, the mask's lowest pixel is the lower shoe's sole."""
    place, walk = plate_maker
    walker, intrinsics = place.walkers()[0], np.array(meta["K"])
    poses = walk.walk(walker.path, walker.distances(FRAMES))
    for index in range(28, 36):
        lowest = np.nonzero((layer(index) == 1).any(axis=1))[0].max()
        soles = []
        for side in "LR":
            for bone, point in (("foot", walk.HEEL), ("toe", walk.BALL * [1, 1, 0] + [0, 0.05, 0])):
                on_floor = _moved(poses[index : index + 1], walk, f"{bone}.{side}", point, side)[0]
                _, y, z = intrinsics @ (np.array(meta["cam_from_world"][index]) @ [*on_floor, 1.0])[:3]
                soles.append(y / z)
        assert abs(max(soles) - lowest) < DEMO_FOOT_PX


def _moved(poses: np.ndarray, walk, bone: str, point: np.ndarray, side: str) -> np.ndarray:
    rest = point * [1 if side == "R" else -1, 1, 1]
    matrices = poses[:, walk.BONES.index(bone)]
    return matrices[:, :3, :3] @ rest + matrices[:, :3, 3]


def _stretches(flags: list[bool]) -> list[np.ndarray]:
    """Runs of consecutive indices where the flag holds."""
    indices = np.nonzero(flags)[0]
    return np.split(indices, np.nonzero(np.diff(indices) > 1)[0] + 1)
