"""Plate, cloud and cards lie on each other, to a fraction of a pixel, in real renders."""

from dataclasses import replace

import bpy
import make_package as made
import numpy as np
import pytest
from evaluated_scene import part, rendered
from tolerances import CYCLES_LEVELS, RENDER_ON_PLATE_PX

from page4d_blender import compat
from page4d_blender.core.look import Look
from page4d_blender.core.package import open_package
from page4d_blender.scene.importer import build_scene


def test_the_background_shows_the_clip_at_its_own_frames(scene, tmp_path):
    written = made.write_synthetic_package(tmp_path / "shot.page4d", made.DISTORTED)
    build_scene(open_package(written.folder), scene)
    (background,) = scene.camera.data.background_images
    clip = background.clip
    assert tuple(clip.size) == (written.width, written.height)
    assert clip.frame_start == 1001
    assert (background.frame_method, background.display_depth, background.alpha) == ("CROP", "BACK", 1.0)
    assert scene.camera.data.show_background_images
    assert background.clip_user.use_render_undistorted
    camera = clip.tracking.camera
    assert camera.focal_length_pixels == pytest.approx(written.intrinsics[0, 0, 0], rel=1e-6)
    assert tuple(camera.principal_point_pixels) == pytest.approx((written.width / 2, written.height / 2), abs=1e-3)
    assert (camera.brown_k1, camera.brown_k2) == pytest.approx((-0.12, 0.03))


@pytest.mark.parametrize("stretch", [(6, 6), (4, 8)], ids=["square pixels", "anamorphic"])
def test_every_rendered_point_lies_in_the_middle_of_its_own_pixel(scene, tmp_path, stretch):
    """Points smaller than their pixel: each is a spot whose center and color can be measured."""
    footage = made.Footage(width=40, height=30, stretch=stretch, cut=(7, 4), focal=35.0)
    written = made.write_synthetic_package(tmp_path / "shot.page4d", footage)
    build_scene(open_package(written.folder), scene)
    part(scene, "background").hide_render = True
    for role, layer in (("frames", None), ("layer", 1)):
        compat.set_input(part(scene, role, layer).modifiers[0], Look.POINT_SIZE, 0.5)
    picture = rendered(scene, 1003, tmp_path / "render.png", samples=32)
    known = written.depth[2] > 0
    (height, width), (x_step, y_step) = known.shape, stretch
    cells = picture.reshape(height, y_step, width, x_step, 4).transpose(0, 2, 1, 3, 4)[known]
    weight = cells[..., 3] / cells[..., 3].sum((1, 2), keepdims=True)
    x = (weight * (np.arange(x_step) + 0.5 - x_step / 2)).sum((1, 2))
    y = (weight * (np.arange(y_step) + 0.5 - y_step / 2)[:, None]).sum((1, 2))
    assert np.abs([x.mean(), y.mean()]).max() < RENDER_ON_PLATE_PX
    assert np.quantile(np.hypot(x, y), 0.95) < 3 * RENDER_ON_PLATE_PX  # samples are few
    middle = cells[:, y_step // 2, x_step // 2]
    assert (middle[:, 3] > 254).all()
    assert np.abs(middle[:, :3] - written.images[2][known]).max() <= CYCLES_LEVELS


def test_colors_of_a_render_are_the_packages(scene, tmp_path):
    """The fused background has one color in the test package."""
    written = made.write_synthetic_package(tmp_path / "shot.page4d")
    build_scene(open_package(written.folder), scene)
    part(scene, "frames").hide_render = part(scene, "layer", 1).hide_render = True
    compat.set_input(part(scene, "background").modifiers[0], Look.POINT_SIZE, 4.0)
    picture = rendered(scene, 1001, tmp_path / "render.png")
    opaque = picture[picture[..., 3] > 254]
    assert len(opaque) > 1000
    assert np.abs(opaque[:, :3] - [200, 40, 90]).max() <= CYCLES_LEVELS


@pytest.mark.parametrize(
    ("footage", "frame", "index"),
    [(made.OFF_CENTER, 1002, 1), (made.DISTORTED, 1004, 3), (made.WITH_GAPS, 1006, 2), (made.WITH_GAPS, 1009, 3)],
    ids=["off-center", "distorted", "held over a gap", "after a gap"],
)
def test_a_card_shows_its_thing_where_the_undistorted_picture_has_it(scene, tmp_path, footage, frame, index):
    written = made.write_synthetic_package(tmp_path / "shot.page4d", footage)
    build_scene(open_package(written.folder), scene)
    for thing in scene.objects:
        thing.hide_render = thing.get("page4d_role") != "layer_card"
    picture = rendered(scene, frame, tmp_path / "render.png", samples=8)
    inside = _enlarged((written.layers[index] == 1).astype(float)[..., None], footage.stretch)[..., 0]
    alpha = picture[..., 3] / 255
    assert alpha[inside > 0.99].mean() > 0.95
    assert alpha[inside < 0.01].mean() < 0.01
    truth = _enlarged(written.images[index].astype(float), footage.stretch)
    solid = (inside > 0.99) & (alpha > 0.99)
    assert np.abs(picture[solid][:, :3] - truth[solid]).mean() < 2 * CYCLES_LEVELS
    assert np.abs(_shift(picture[..., :3], truth, solid)).max() < RENDER_ON_PLATE_PX


def test_a_card_fills_the_frame_whatever_its_depth(scene, tmp_path):
    from bpy_extras.object_utils import world_to_camera_view

    footage = replace(made.OFF_CENTER, stretch=(1.0, 2.0), zoom=1.4)
    written = made.write_synthetic_package(tmp_path / "shot.page4d", footage)
    build_scene(open_package(written.folder), scene)
    card = part(scene, "layer_card", 1)
    assert card.hide_render
    assert card.hide_viewport
    card.hide_viewport = False
    for frame in (1001, 1005):
        scene.frame_set(frame)
        corners = [world_to_camera_view(scene, scene.camera, card.matrix_world @ v.co) for v in card.data.vertices]
        found = sorted((round(x, 4), round(y, 4)) for x, y, _ in corners)
        assert found == pytest.approx([(0, 0), (0, 1), (1, 0), (1, 1)], abs=1e-3)


def test_a_hint_to_another_machine_or_another_file_is_not_followed(scene, tmp_path):
    import json

    written = made.write_synthetic_package(tmp_path / "shot.page4d")
    file = written.folder / "manifest.json"
    manifest = json.loads(file.read_text())
    for hint in (
        "//host/share/shot.1001.png",
        "\\\\host\\share\\shot.1001.png",
        "plate/../secret.png",
        "http://x/a.png",
    ):
        manifest["clip"]["path"] = hint
        file.write_text(json.dumps(manifest))
        build_scene(open_package(written.folder), scene)
        assert not bpy.data.movieclips


def _enlarged(picture: np.ndarray, stretch: tuple[float, float]) -> np.ndarray:
    """(H, W, C) bilinear, pixel (0, 0) at the corner."""
    height, width = round(picture.shape[0] * stretch[1]), round(picture.shape[1] * stretch[0])
    y = np.clip((np.arange(height) + 0.5) / stretch[1] - 0.5, 0, picture.shape[0] - 1.001)
    x = np.clip((np.arange(width) + 0.5) / stretch[0] - 0.5, 0, picture.shape[1] - 1.001)
    i, j = y.astype(int), x.astype(int)
    v, u = (y - i)[:, None, None], (x - j)[None, :, None]
    top = picture[i][:, j] * (1 - u) + picture[i][:, j + 1] * u
    low = picture[i + 1][:, j] * (1 - u) + picture[i + 1][:, j + 1] * u
    return top * (1 - v) + low * v


def _shift(moved: np.ndarray, still: np.ndarray, known: np.ndarray) -> np.ndarray:
    """(x, y) by which `moved` is off, in pixels: one step of Lucas and Kanade (1981) over the whole picture."""
    gray = still.mean(-1)
    dy, dx = np.gradient(gray)
    inner = known.copy()
    inner[:2], inner[-2:], inner[:, :2], inner[:, -2:] = False, False, False, False
    difference = (gray - moved.mean(-1))[inner]
    slopes = np.stack([dx[inner], dy[inner], np.ones(inner.sum())], axis=1)
    return np.linalg.lstsq(slopes, difference, rcond=None)[0][:2]
