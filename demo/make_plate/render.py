"""Render the figures alone, and their shadow alone, with the plate's cameras. Runs in bpy 4.5.

    <bpy python> render.py SCENE.json OUT [FIRST LAST]

SCENE.json: intrinsics (3, 3) and cam_from_floor (frames, 4, 4), both counting pixels from their corners, and size.
OUT gets one multi-layer EXR a frame, 0000.exr on: layer `figure` (rgba, depth, object index) and layer `shadow`.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import bpy
import numpy as np
from cloth import Cloth
from figure import make_figure
from mathutils import Matrix
from place import walkers
from walk import walk
from wardrobe import dressed

SAMPLES, SHADOW_SAMPLES = 32, 12  # no denoiser: it takes four fifths of the time, and a plate has grain
SHADOW_REACH_M = 1.6  # the floor takes shadow this far around each person; further away there is none to see
SHUTTER = 0.12  # of a frame; how far the plate itself smears when the camera turns fast
BLENDER_FROM_SOLVER = np.diag([1.0, -1.0, -1.0, 1.0])  # both camera frames, y and z turned over
CEILING_LAMPS = [  # x, y, z, watts, size, color: over the corridor, the seats and the kitchen
    (-0.6, -3.6, 2.6, 75, 0.7, (1.0, 0.93, 0.84)),
    (0.6, -1.2, 2.6, 80, 0.7, (1.0, 0.93, 0.84)),
    (1.3, 1.2, 2.6, 80, 0.7, (1.0, 0.93, 0.84)),
    (-0.6, 1.6, 2.6, 90, 0.6, (1.0, 0.80, 0.55)),
    (-2.6, -0.4, 2.6, 45, 0.7, (1.0, 0.85, 0.65)),
]
WINDOW = (-5.2, 0.9, 1.7, 110, 1.6, (0.85, 0.92, 1.0))  # behind the kitchen's far end, shining along it


def render_figures(scene_file: Path, out: Path, first: int, last: int) -> None:
    """Render frames [first, last], counted from 0, as far as they are not there yet."""
    shot = json.loads(scene_file.read_text())
    bpy.ops.wm.read_factory_settings(use_empty=True)
    scene = bpy.context.scene
    cam_from_floor = np.array(shot["cam_from_floor"])
    _render_settings(scene, shot["size"])
    _camera(scene, np.array(shot["intrinsics"]), shot["size"], cam_from_floor)
    _light(scene)
    people, floor = bpy.data.collections.new("people"), bpy.data.collections.new("floor")
    scene.collection.children.link(people)
    scene.collection.children.link(floor)
    for index, walker in enumerate(walkers(), start=1):
        look = dressed(Cloth(walker.shirt[0], walker.shirt[1]), Cloth(walker.trousers, creases=0.4))
        poses = walk(walker.path, walker.distances(len(cam_from_floor)))
        for thing in make_figure(walker.name, look, poses, people):
            thing.pass_index = index
            _show_between(thing, walker.first_frame, walker.last_frame)
        places = np.array([walker.path.at(distance)[0] for distance in walker.distances(len(cam_from_floor))])
        _show_between(_shadow_catcher(floor, places), walker.first_frame, walker.last_frame)
    _layers(scene, people, floor)
    for frame in range(first, last + 1):
        picture = out / f"{frame:04d}.exr"
        if picture.exists():
            continue
        scene.frame_set(frame + 1)
        scene.render.filepath = str(picture)
        bpy.ops.render.render(write_still=True)


def _render_settings(scene: bpy.types.Scene, size: list[int]) -> None:
    scene.render.engine = "CYCLES"
    scene.cycles.samples, scene.cycles.use_denoising, scene.cycles.max_bounces = SAMPLES, False, 2
    scene.render.threads_mode, scene.render.threads = "FIXED", 2
    scene.render.resolution_x, scene.render.resolution_y = size
    scene.render.film_transparent, scene.render.use_persistent_data = True, True
    scene.render.use_motion_blur, scene.render.motion_blur_shutter = True, SHUTTER
    settings = scene.render.image_settings
    settings.file_format, settings.color_depth, settings.exr_codec = "OPEN_EXR_MULTILAYER", "32", "ZIP"


def _camera(scene: bpy.types.Scene, intrinsics: np.ndarray, size: list[int], cam_from_floor: np.ndarray) -> None:
    width, height = size
    camera = bpy.data.objects.new("camera", bpy.data.cameras.new("camera"))
    scene.collection.objects.link(camera)
    scene.camera = camera
    camera.data.sensor_fit, camera.data.sensor_width = "HORIZONTAL", 36.0
    camera.data.lens = intrinsics[0, 0] / width * 36.0
    camera.data.shift_x = -(intrinsics[0, 2] - width / 2) / width
    camera.data.shift_y = (intrinsics[1, 2] - height / 2) / width
    camera.rotation_mode = "QUATERNION"
    previous = None
    for frame, pose in enumerate(cam_from_floor, start=1):
        place, turn, _ = Matrix((np.linalg.inv(pose) @ BLENDER_FROM_SOLVER).tolist()).decompose()
        if previous is not None and previous.dot(turn) < 0:
            turn.negate()
        camera.location, camera.rotation_quaternion, previous = place, turn, turn
        camera.keyframe_insert("location", frame=frame)
        camera.keyframe_insert("rotation_quaternion", frame=frame)


def _light(scene: bpy.types.Scene) -> None:
    world = bpy.data.worlds.new("room")
    scene.world = world
    world.use_nodes = True
    background = next(node for node in world.node_tree.nodes if node.type == "BACKGROUND")
    background.inputs["Color"].default_value = (1.0, 0.94, 0.86, 1.0)
    background.inputs["Strength"].default_value = 0.2
    for x, y, z, watts, size, color in CEILING_LAMPS:
        lamp = _lamp(scene, watts, size, color)
        lamp.location = (x, y, z)
    x, y, z, watts, size, color = WINDOW
    window = _lamp(scene, watts, size, color)
    window.location, window.rotation_euler = (x, y, z), (0.0, np.radians(-80), np.radians(-25))


def _lamp(scene: bpy.types.Scene, watts: float, size: float, color: tuple[float, float, float]) -> bpy.types.Object:
    lamp = bpy.data.objects.new("lamp", bpy.data.lights.new("lamp", "AREA"))
    lamp.data.energy, lamp.data.size, lamp.data.color = watts, size, color
    scene.collection.objects.link(lamp)
    return lamp


def _show_between(thing: bpy.types.Object, first: int, last: int) -> None:
    for frame, hidden in ((0, first > 0), (first + 1, False), (last + 2, True)):
        thing.hide_render = hidden
        thing.keyframe_insert("hide_render", frame=frame)


def _shadow_catcher(collection: bpy.types.Collection, places: np.ndarray) -> bpy.types.Object:
    """A patch of floor that goes along with a person, (frames, 2)."""
    mesh = bpy.data.meshes.new("floor")
    reach = SHADOW_REACH_M
    mesh.from_pydata([(-reach, -reach, 0), (reach, -reach, 0), (reach, reach, 0), (-reach, reach, 0)], [], [range(4)])
    patch = bpy.data.objects.new("floor", mesh)
    patch.is_shadow_catcher = True
    collection.objects.link(patch)
    for frame, (x, y) in enumerate(places, start=1):
        patch.location = (x, y, 0)
        patch.keyframe_insert("location", frame=frame)
    return patch


def _layers(scene: bpy.types.Scene, people: bpy.types.Collection, floor: bpy.types.Collection) -> None:
    """One layer sees only the people; the other sees only what they take from the floor's light."""
    figure = scene.view_layers[0]
    figure.name = "figure"
    figure.use_pass_z = figure.use_pass_object_index = True
    shadow = scene.view_layers.new("shadow")
    shadow.samples = SHADOW_SAMPLES
    figure.layer_collection.children[floor.name].exclude = True
    shadow.layer_collection.children[people.name].indirect_only = True


if __name__ == "__main__":
    arguments = sys.argv[1:]
    begin, end = (int(arguments[2]), int(arguments[3])) if len(arguments) == 4 else (0, 59)
    render_figures(Path(arguments[0]), Path(arguments[1]), begin, end)
