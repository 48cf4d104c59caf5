"""Importing again updates what is there: the artist's own work stays, and nothing is left over."""

from dataclasses import replace
from pathlib import Path

import bpy
import make_package as made
import numpy as np
import pytest
from evaluated_scene import part, shown_counts
from mathutils import Matrix

from page4d_blender import compat
from page4d_blender.core.look import Look
from page4d_blender.core.package import open_package
from page4d_blender.scene.importer import build_scene

KINDS = "objects meshes materials images actions movieclips node_groups collections cameras".split()
FIRST = replace(made.WITH_GAPS, things=2)


@pytest.fixture
def written(tmp_path):
    return made.write_synthetic_package(tmp_path / "shot.page4d", FIRST)


def test_every_role_of_the_design_is_there(scene, written):
    build_scene(open_package(written.folder), scene)
    for role in ("root", "camera", "background", "frames", "tracks"):
        assert part(scene, role)
    for layer in (1, 2):
        for role in ("layer", "layer_center", "layer_card"):
            assert part(scene, role, layer)


def test_the_same_package_again_makes_nothing_new(scene, written):
    package = open_package(written.folder)
    first = build_scene(package, scene)
    before = _everything()
    assert build_scene(package, scene) == first
    assert _everything() == before
    assert not [name for names in before.values() for name in names if name.endswith(".001")]


def test_a_new_solve_replaces_cameras_and_points(scene, written, tmp_path):
    build_scene(open_package(written.folder), scene)
    other = replace(FIRST, frame_numbers=(1001, 1002, 1003), cut=(9, 7), things=1, focal=150.0)
    again = made.write_synthetic_package(tmp_path / "again.page4d", other)
    build_scene(open_package(again.folder), scene)
    assert len([thing for thing in bpy.data.objects if thing.get("page4d_role") == "frame_cloud"]) == 3
    assert len([thing for thing in scene.objects if thing.get("page4d_layer") == 2]) == 0
    wanted = (again.depth[2] > 0) & (again.layers[2] == 0)
    assert shown_counts(scene, 1003)["frames"] == wanted.sum()
    assert scene.frame_end == 1003
    unused = {kind: [i.name for i in getattr(bpy.data, kind) if i.users == 0] for kind in KINDS}
    assert not any(unused.values()), unused


def test_what_the_artist_did_stays(scene, written):
    package = open_package(written.folder)
    build_scene(package, scene)
    root, camera, frames = part(scene, "root"), part(scene, "camera"), part(scene, "frames")
    place = Matrix.Translation((1, 2, 3)) @ Matrix.Scale(3, 4)
    root.matrix_world = place
    camera.name = "Hero Camera"
    prop = bpy.data.objects.new("prop", None)
    scene.collection.objects.link(prop)
    prop.parent = part(scene, "layer_center", 1)
    material = bpy.data.materials.new("mine")
    modifier = frames.modifiers[0]
    compat.set_input(modifier, "Material", material)
    compat.set_input(modifier, Look.POINT_SIZE, 3.0)
    part(scene, "layer_card", 1).hide_viewport = False
    scene.view_settings.view_transform = "AgX"
    camera.data.dof.aperture_fstop = 1.4
    camera.data.keyframe_insert("dof.aperture_fstop", frame=1001)

    build_scene(package, scene)
    bpy.context.view_layer.update()
    assert np.allclose(np.array(part(scene, "root").matrix_world), np.array(place))
    assert scene.camera.name == "Hero Camera"
    assert prop.parent == part(scene, "layer_center", 1)
    modifier = part(scene, "frames").modifiers[0]
    assert compat.get_input(modifier, "Material") == material
    assert compat.get_input(modifier, Look.POINT_SIZE) == 3.0
    assert not part(scene, "layer_card", 1).hide_viewport
    assert scene.view_settings.view_transform == "AgX"
    scene.frame_set(1003)
    assert scene.camera.data.dof.aperture_fstop == pytest.approx(1.4)


def test_what_hangs_on_a_thing_that_is_no_more_keeps_its_place(scene, written, tmp_path):
    build_scene(open_package(written.folder), scene)
    prop = bpy.data.objects.new("prop", None)
    scene.collection.objects.link(prop)
    prop.parent = part(scene, "layer_center", 2)
    scene.frame_set(1001)
    before = prop.matrix_world.translation.copy()
    fewer = made.write_synthetic_package(tmp_path / "fewer.page4d", replace(FIRST, things=1))
    build_scene(open_package(fewer.folder), scene)
    bpy.context.view_layer.update()
    assert prop.parent == part(scene, "root")
    assert (prop.matrix_world.translation - before).length < 1e-5


def test_two_scenes_of_one_file_do_not_mix(scene, written):
    package = open_package(written.folder)
    build_scene(package, scene)
    other = bpy.data.scenes.new("other")
    build_scene(package, other)
    assert scene.camera != other.camera
    build_scene(package, scene)
    assert len([thing for thing in bpy.data.objects if thing.get("page4d_role") == "camera"]) == 2
    expected = {"background", "frames", "layer 1", "layer 2"}
    assert set(shown_counts(scene, 1003)) == expected


def test_a_rename_in_the_package_is_no_way_to_lose_the_background_plate(scene, written, tmp_path):
    """The hint leads to the plate; without it a warning says so, and a path given by hand is used."""
    moved = written.folder.rename(tmp_path.joinpath("deeper").with_suffix(".page4d"))
    plates = written.plate.parent.rename(tmp_path / "elsewhere")
    package = open_package(moved)
    assert any("was not found" in warning for warning in build_scene(package, scene).warnings)
    assert not scene.camera.data.background_images
    for given in (plates, plates / "shot.1003.png"):
        assert not build_scene(package, scene, given).warnings
        (background,) = scene.camera.data.background_images
        assert bpy.path.abspath(background.clip.filepath) == str(plates / "shot.1001.png")


def test_footage_is_found_by_a_path_relative_to_the_shell(scene, written, monkeypatch):
    monkeypatch.chdir(written.plate.parent)
    build_scene(open_package(written.folder), scene, Path(written.plate.name))
    (background,) = scene.camera.data.background_images
    assert bpy.path.abspath(background.clip.filepath) == str(written.plate)


def _everything() -> dict[str, list[str]]:
    return {kind: sorted(thing.name for thing in getattr(bpy.data, kind)) for kind in KINDS}
