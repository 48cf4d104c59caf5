"""The solved camera: its path, its lens, and the render settings that go with them."""

import bpy
import numpy as np

from ..core.coordinates import blender_camera_matrices, quaternions
from ..core.lens import BlenderLens, blender_lens
from ..core.package import Package
from ..core.roles import Role
from .keys import write_keys
from .parts import ensure_part

_STEADY = 1e-7  # relative; a lens that varies less has one value


def build_camera(package: Package, scene: bpy.types.Scene, root: bpy.types.Object) -> bpy.types.Object:
    """Make or update the camera, key it at the footage's own frames, and make it the scene's camera.

    Frames whose pose is unknown get no keys.
    """
    data = bpy.data.cameras.new(f"{package.manifest.clip.name} Camera")
    camera, _ = ensure_part(scene, Role.CAMERA, data.name, data, root)
    frames = package.frame_numbers[package.known]
    matrices = blender_camera_matrices(package.camera_from_world[package.known])
    camera.rotation_mode = "QUATERNION"
    write_keys(camera, "location", frames, matrices[:, :3, 3])
    write_keys(camera, "rotation_quaternion", frames, quaternions(matrices[:, :3, :3]))
    clip = package.manifest.clip
    lens = blender_lens(package.intrinsics[package.known], clip.width, clip.height)
    _set_lens(camera.data, lens, frames)
    scene.camera = camera
    return camera


def match_render(package: Package, scene: bpy.types.Scene, first_time: bool) -> None:
    """Size, pixel aspect, frame rate and frame range as the plate's; colors shown as the plate's, once.

    Args:
        first_time: later imports leave color management as the artist has set it.
    """
    clip, render = package.manifest.clip, scene.render
    lens = blender_lens(package.intrinsics[package.known], clip.width, clip.height)
    render.resolution_x, render.resolution_y, render.resolution_percentage = clip.width, clip.height, 100
    render.pixel_aspect_x, render.pixel_aspect_y = lens.pixel_aspect_x, lens.pixel_aspect_y
    render.fps = max(round(clip.fps), 1)
    render.fps_base = float(render.fps / clip.fps)
    scene.frame_start, scene.frame_end = int(package.frame_numbers[0]), int(package.frame_numbers[-1])
    if not scene.frame_start <= scene.frame_current <= scene.frame_end:
        scene.frame_current = scene.frame_start
    if first_time:
        scene.view_settings.view_transform = "Standard"
        scene.view_settings.look = "None"
        scene.view_settings.exposure, scene.view_settings.gamma = 0.0, 1.0


def _set_lens(data: bpy.types.Camera, lens: BlenderLens, frames: np.ndarray) -> None:
    data.type = "PERSP"
    data.lens_unit = "MILLIMETERS"
    data.sensor_fit = lens.sensor_fit
    data.sensor_width = data.sensor_height = lens.sensor_mm
    for path, values in (("lens", lens.focal_mm), ("shift_x", lens.shift_x), ("shift_y", lens.shift_y)):
        steady = np.ptp(values) <= _STEADY * max(1.0, float(np.abs(values).max()))
        write_keys(data, path, frames[:1] if steady else frames, values[:1] if steady else values)
