"""Blender's camera sees a point where the solver's does."""

from dataclasses import replace

import bpy
import make_package as made
import numpy as np
import pytest
from bpy_extras.object_utils import world_to_camera_view
from evaluated_scene import part
from mathutils import Matrix, Vector
from tolerances import SOLVER_TO_BLENDER_PX

from page4d_blender.core.coordinates import blender_points
from page4d_blender.core.package import open_package
from page4d_blender.scene.importer import build_scene

SHAPES = {
    "landscape": made.LANDSCAPE,
    "portrait": made.PORTRAIT,
    "anamorphic": made.ANAMORPHIC,
    "tall pixels": made.TALL_PIXELS,
    "square picture": made.Footage(width=96, height=96),
    "off-center lens": made.OFF_CENTER,
    "off-center portrait": replace(made.PORTRAIT, cut=(11, 27)),
    "off-center anamorphic": replace(made.ANAMORPHIC, cut=(21, 13)),
    "zoom": replace(made.LANDSCAPE, zoom=1.5),
    "gaps": made.WITH_GAPS,
}


@pytest.mark.parametrize("shape", SHAPES)
def test_a_known_point_lands_where_the_solver_puts_it(scene, tmp_path, shape):
    written = made.write_synthetic_package(tmp_path / "shot.page4d", SHAPES[shape])
    build_scene(open_package(written.folder), scene)
    for index in (0, 2, 4):
        scene.frame_set(written.frame_numbers[index])
        assert _largest_miss(scene, written, index) < SOLVER_TO_BLENDER_PX


def test_moving_turning_and_scaling_the_root_moves_camera_and_points_together(scene, tmp_path):
    written = made.write_synthetic_package(tmp_path / "shot.page4d", made.OFF_CENTER)
    build_scene(open_package(written.folder), scene)
    part(scene, "root").matrix_world = (
        Matrix.Translation((3, -2, 7)) @ Matrix.Rotation(1.1, 4, "X") @ Matrix.Scale(2, 4)
    )
    scene.frame_set(written.frame_numbers[2])
    assert _largest_miss(scene, written, 2) < SOLVER_TO_BLENDER_PX


def test_keys_are_at_the_footages_own_frames_and_an_unknown_frame_has_none(scene, tmp_path):
    footage = replace(made.WITH_GAPS, unknown=(2,))
    written = made.write_synthetic_package(tmp_path / "shot.page4d", footage)
    report = build_scene(open_package(written.folder), scene)
    scene.frame_set(1001)
    known = [number for index, number in enumerate(written.frame_numbers) if index != 2]
    assert report.frames == 4
    assert any("1 of 5 frames" in warning for warning in report.warnings)
    data = scene.camera.animation_data
    for path, channels in (("location", 3), ("rotation_quaternion", 4)):
        for channel in range(channels):
            curve = _curves(data).find(path, index=channel)
            assert [point.co[0] for point in curve.keyframe_points] == known
            assert {point.interpolation for point in curve.keyframe_points} == {"LINEAR"}


def test_a_steady_lens_has_one_value_and_a_zoom_a_key_a_frame(scene, tmp_path):
    for zoom, expected in ((1.0, 1), (1.5, 5)):
        footage = replace(made.LANDSCAPE, zoom=zoom)
        written = made.write_synthetic_package(tmp_path / f"{zoom}.page4d", footage)
        build_scene(open_package(written.folder), scene)
        curve = _curves(scene.camera.data.animation_data).find("lens", index=0)
        assert len(curve.keyframe_points) == expected


def test_the_scene_matches_the_plate(scene, tmp_path):
    written = made.write_synthetic_package(tmp_path / "shot.page4d", made.ANAMORPHIC)
    build_scene(open_package(written.folder), scene)
    render = scene.render
    assert (render.resolution_x, render.resolution_y) == (written.width, written.height)
    assert render.pixel_aspect_x / render.pixel_aspect_y == pytest.approx(2.0)
    assert render.fps / render.fps_base == pytest.approx(24000 / 1001, rel=1e-6)
    assert (scene.frame_start, scene.frame_end, scene.frame_current) == (1001, 1005, 1001)
    assert scene.view_settings.view_transform == "Standard"
    assert scene.camera.get("page4d_role") == "camera"


def test_up_is_z_and_the_floor_lies_at_zero(scene, tmp_path):
    written = made.write_synthetic_package(tmp_path / "shot.page4d")
    package = open_package(written.folder)
    build_scene(package, scene)
    bpy.context.view_layer.update()
    up = np.array(package.manifest.up)
    below = part(scene, "root").matrix_world @ Vector(blender_points(-package.manifest.floor[3] * up))
    assert abs(below.z) < 1e-5
    assert (below.x, below.y) == pytest.approx((0, 0), abs=1e-5)
    first = part(scene, "camera").matrix_world.translation
    assert tuple(first) == pytest.approx((0, 0, 1.2), abs=1e-5)


def _largest_miss(scene, written, index) -> float:
    """Pixels between Blender's and the solver's picture of points all over the frame."""
    random = np.random.default_rng(index)
    pixels = random.uniform([0, 0], [written.width, written.height], (40, 2))
    depth = random.uniform(1, 6, 40)
    rays = (pixels - written.intrinsics[index, :2, 2]) / np.diagonal(written.intrinsics[index])[:2]
    in_camera = np.concatenate([rays, np.ones((40, 1))], axis=1) * depth[:, None]
    pose = written.camera_from_world[index]
    in_world = (in_camera - pose[:3, 3]) @ pose[:3, :3]
    root = part(scene, "root").matrix_world
    seen = [world_to_camera_view(scene, scene.camera, root @ Vector(point)) for point in blender_points(in_world)]
    found = np.array([[x * written.width, (1 - y) * written.height] for x, y, _ in seen])
    return float(np.linalg.norm(found - pixels, axis=1).max())


def _curves(data):
    """The curves of an animated thing, wherever this Blender keeps them."""
    if not hasattr(data, "action_slot"):
        return data.action.fcurves
    return data.action.layers[0].strips[0].channelbag(data.action_slot).fcurves
