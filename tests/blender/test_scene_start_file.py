"""The cube of Blender's start file does not stand in the solved camera's way."""

import bpy
import pytest

from page4d_blender.scene.start_file import hide_default_cube


@pytest.fixture
def start_file():
    bpy.ops.wm.read_homefile(use_factory_startup=True)
    return bpy.context.scene


def test_the_untouched_cube_is_hidden_and_kept(start_file):
    assert hide_default_cube(start_file)
    cube = start_file.objects["Cube"]
    assert cube.hide_viewport
    assert cube.hide_render
    assert not hide_default_cube(start_file)


def test_a_cube_that_somebody_used_stays(start_file):
    start_file.objects["Cube"].data.vertices[0].co.z += 1
    assert not hide_default_cube(start_file)
    assert not start_file.objects["Cube"].hide_viewport


def test_a_scene_without_a_cube_is_left_alone():
    bpy.ops.wm.read_homefile(use_empty=True)
    assert not hide_default_cube(bpy.context.scene)
