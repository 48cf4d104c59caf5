"""A shadow that walks over the floor becomes a layer, and nothing else does."""

from dataclasses import replace

import cv2
import numpy as np
import pytest
from moving_box import jaccard
from solved_room import PIXELS, true_motion, true_solution
from synthetic import synthetic_clip
from synthetic_footage import small_clip, write_sequence
from tolerances import FALSE_SHADOW_SHARE, SHADOW_J

from model_server.geometry.cameras import inverse, pixel_centers, transform, unproject
from model_server.geometry.shot import DepthMaps, FrameStatus, Layer, Layers
from model_server.package.reader import read_package
from model_server.pipeline.run import solve_clip
from model_server.pipeline.shadow_layer import NAME, find_shadows, with_shadows
from model_server.settings import SolveSettings

LIGHT_LEFT, RADIUS = 0.55, 0.35  # share of sRGB values, meters


def _ignore(done):
    assert 0 <= done <= 1


def _depth(clip):
    return DepthMaps(clip.depth, np.ones(clip.depth.shape, np.float16))


@pytest.fixture(scope="module")
def shaded():
    """(clip with a round shadow that crosses the floor, where it lies)."""
    clip = synthetic_clip()
    images, masks = clip.images.copy(), np.zeros(clip.depth.shape, bool)
    count, height, width = masks.shape
    centers = pixel_centers(width, height)
    for frame in range(count):
        local = unproject(centers, clip.depth[frame], clip.intrinsics)
        points = transform(inverse(clip.camera_from_world[frame]), local)
        if frame == 0:
            start = points[height - 30, width // 5]
        middle = start + np.array([2.2 * frame / (count - 1), 0.0, 0.0])
        masks[frame] = (np.linalg.norm(points - middle, axis=-1) < RADIUS) & ~clip.moving[frame]
        images[frame][masks[frame]] = (images[frame][masks[frame]] * LIGHT_LEFT).astype(np.uint8)
    return replace(clip, images=images), masks


def test_a_moving_shadow_is_found(shaded):
    clip, masks = shaded
    found = find_shadows(clip.images, PIXELS, _depth(clip), true_motion(clip), true_solution(clip), _ignore).masks > 0
    assert jaccard(found, masks) > SHADOW_J
    assert not (found & clip.moving).any()


def test_where_no_shadow_moves_there_is_no_layer():
    clip = synthetic_clip()
    shadows = find_shadows(clip.images, PIXELS, _depth(clip), true_motion(clip), true_solution(clip), _ignore)
    assert shadows.masks.mean() < FALSE_SHADOW_SHARE


def test_frames_without_a_camera_have_no_shadows(shaded):
    clip, _ = shaded
    solution = true_solution(clip)
    status, poses = solution.status.copy(), solution.camera_from_world.copy()
    status[3], poses[3] = FrameStatus.UNKNOWN, np.nan
    solution = replace(solution, status=status, camera_from_world=poses)
    found = find_shadows(clip.images, PIXELS, _depth(clip), true_motion(clip), solution, _ignore).masks
    assert not found[3].any()
    assert found[4].any()


def test_shadows_are_the_last_layer_and_lie_on_no_thing(shaded):
    clip, masks = shaded
    shadows = find_shadows(clip.images, PIXELS, _depth(clip), true_motion(clip), true_solution(clip), _ignore)
    thing = np.zeros(masks.shape, np.uint8)
    thing[:, 100:140, 100:140] = 1
    layers = with_shadows(Layers(thing, (Layer(1, "Thing 1", 0, 15),)), shadows)
    assert [(layer.id, layer.name) for layer in layers.things] == [(1, "Thing 1"), (2, NAME)]
    assert ((layers.labels == 1) == (thing == 1)).all()
    assert (layers.labels == 2).any()
    none = replace(shadows, masks=np.zeros_like(shadows.masks))
    assert with_shadows(layers, none) is layers


def test_asked_for_it_the_package_has_a_layer_of_the_shadows(tmp_path):
    clip = small_clip()
    shaded = clip.images.copy()
    for frame in range(len(shaded)):  # a dark disk that slides over the far wall
        cv2.circle(shade := np.ones(clip.depth.shape[1:], np.float32), (30 + 14 * frame, 45), 11, LIGHT_LEFT, -1)
        shaded[frame] = (shaded[frame] * np.where(clip.moving[frame], 1, shade)[..., None]).astype(np.uint8)
    write_sequence(tmp_path / "room", replace(clip, images=shaded))
    settings = SolveSettings(engine="classical", shadows=True)
    solve_clip(tmp_path / "room", settings, tmp_path / "work", tmp_path / "room.page4d", lambda *_: None)
    package = read_package(tmp_path / "room.page4d")
    package.verify()
    last = package.manifest.layers[-1]
    assert last.name == NAME
    labels, moving = package.array("layers.npy"), package.array("moving.npy")
    assert (labels == last.id).any()
    assert not (moving[labels == last.id] > 127).any()
    assert (package.folder / f"mattes/layer_{last.id:02d}").is_dir()
