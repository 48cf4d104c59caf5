"""The picture in the README: the demo's result in the sidebar and the viewport. Needs `make demo` first.

bash tests/gui/gui_blender.sh shot /tmp/page4d_gui tests/gui/picture.py build/gui/panel.png "$PWD"
"""

import importlib
import os
from collections.abc import Iterator

import bpy
from mathutils import Matrix, Vector

ID = "bl_ext.user_default.page4d"
ADJUST = (812, 404)  # the closed panel's header on the screen of 1280 x 800

bpy.context.preferences.view.show_splash = False
bpy.ops.preferences.addon_enable(module=ID)
session = importlib.import_module(f"{ID}.page4d_blender.operators.session")


def steps() -> Iterator[float]:
    window = bpy.context.window_manager.windows[0]
    scene, area = window.scene, next(area for area in window.screen.areas if area.type == "VIEW_3D")
    bpy.data.batch_remove(list(scene.objects))
    scene.eevee.taa_samples = 1
    area.spaces.active.show_region_ui = True
    yield 2
    next(region for region in area.regions if region.type == "UI").active_panel_category = "Page4D"
    bpy.context.preferences.addons[ID].preferences.look_through_camera = False
    scene.page4d.footage = os.environ.get("PAGE4D_GUI_FOOTAGE", "/ext/demo/footage/office_walk.mp4")
    scene.page4d.package = os.environ.get("PAGE4D_GUI_PACKAGE", "/ext/demo/office_walk.page4d")
    yield 2
    with bpy.context.temp_override(window=window):
        bpy.ops.page4d.import_package()
    scene.page4d_look.decimate = 3
    scene.page4d_look.point_size = 2.5
    scene.frame_set(scene.frame_start + 20)
    next(thing for thing in scene.objects if thing.get("page4d_role") == "tracks").hide_viewport = True
    _look_from_behind(scene.camera, area.spaces.active.region_3d)
    yield 8
    print("CLICK", *ADJUST, flush=True)
    yield 8
    area.spaces.active.shading.type = "MATERIAL"
    yield 75  # software OpenGL compiles shaders for a minute
    print("SHOT panel", flush=True)
    yield 30
    print("DONE", flush=True)


def _look_from_behind(camera: bpy.types.Object, view: bpy.types.RegionView3D) -> None:
    """Past the solved camera, a little from its left and from above."""
    place = camera.matrix_world
    view.view_perspective = "PERSP"
    view.view_location = place @ Vector((0.6, 0, -3.0))
    turned = place.to_3x3() @ (Matrix.Rotation(-0.35, 3, "Y") @ Matrix.Rotation(-0.2, 3, "X"))
    view.view_rotation = turned.to_quaternion()
    view.view_distance = 6.0


STEPS = steps()
bpy.app.timers.register(lambda: next(STEPS, None), first_interval=3)
