"""A saved file opens and plays in a Blender that has never heard of Page4D."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import bpy
import make_package as made
from evaluated_scene import shown_counts

from page4d_blender.core.package import open_package
from page4d_blender.scene.importer import build_scene

_READER = Path(__file__).parents[1] / "evaluated_scene.py"
_PLAY = """
import importlib.util, json, os, sys, bpy
spec = importlib.util.spec_from_file_location("evaluated_scene", sys.argv[2])
shown = importlib.util.module_from_spec(spec)
sys.modules["evaluated_scene"] = shown
spec.loader.exec_module(shown)
bpy.ops.wm.read_homefile(use_factory_startup=True)
bpy.ops.wm.open_mainfile(filepath=sys.argv[1], use_scripts=False)
scene = bpy.context.scene
counts = {frame: shown.shown_counts(scene, frame) for frame in range(scene.frame_start, scene.frame_end + 1)}
places = {}
for frame in counts:
    scene.frame_set(frame)
    places[frame] = [list(row) for row in scene.camera.matrix_world]
clip = scene.camera.data.background_images[0].clip
found = {"counts": counts, "places": places, "extension": "page4d_blender" in sys.modules, "plate": tuple(clip.size)}
print("FOUND " + json.dumps(found), flush=True)
os._exit(0)
"""


def test_a_saved_file_plays_without_the_extension(scene, tmp_path):
    written = made.write_synthetic_package(tmp_path / "shot.page4d", replace(made.WITH_GAPS, things=2))
    build_scene(open_package(written.folder), scene)
    file = tmp_path / "shot.blend"
    bpy.ops.wm.save_as_mainfile(filepath=str(file))
    wanted = {str(frame): shown_counts(scene, frame) for frame in range(1001, 1012)}
    places = {}
    for frame in wanted:
        scene.frame_set(int(frame))
        places[frame] = [list(row) for row in scene.camera.matrix_world]

    program = [sys.executable, "-c", _PLAY, str(file), str(_READER)]
    answer = subprocess.run(program, capture_output=True, text=True, timeout=120, cwd=tmp_path)
    line = next((line for line in answer.stdout.splitlines() if line.startswith("FOUND ")), answer.stderr)
    found = json.loads(line.removeprefix("FOUND "))
    assert found["counts"] == wanted
    assert found["places"] == places
    assert not found["extension"]
    assert found["plate"] == [written.width, written.height]


def test_files_beside_a_saved_blend_are_found_by_relative_paths(scene, tmp_path):
    written = made.write_synthetic_package(tmp_path / "shot.page4d")
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "shot.blend"))
    build_scene(open_package(written.folder), scene)
    assert [clip.filepath for clip in bpy.data.movieclips] == ["//plate/shot.1001.png"]
    assert sorted(image.filepath for image in bpy.data.images if image.source == "SEQUENCE") == [
        "//plate/shot.1001.png",
        "//shot.page4d/mattes/layer_01/1001.png",
    ]
    build_scene(open_package(written.folder), scene)
    assert len(bpy.data.movieclips) == 1
