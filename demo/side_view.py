"""The scene from outside: the room without its ceiling, the camera's path, the moving things along their way."""

from __future__ import annotations

import bpy
import numpy as np
from mathutils import Matrix, Vector
from standing_spot import Spot

WIDTH, HEIGHT = 960, 540
LAYER_MOMENTS = 6  # how often a moving thing is shown along its way
FRUSTUM_EVERY = 6  # frames
CEILING_M = 2.1
MARGIN = 1.22


def show_from_the_side(scene: bpy.types.Scene, spot: Spot) -> None:
    """Change the scene, for good, so that a render shows it from the side."""
    scene.render.resolution_x, scene.render.resolution_y = WIDTH, HEIGHT
    scene.render.pixel_aspect_x = scene.render.pixel_aspect_y = 1.0
    scene_layers = [thing for thing in scene.objects if thing.get("page4d_role") == "layer"]
    background = next(thing for thing in scene.objects if thing.get("page4d_role") == "background")
    for thing in scene.objects:
        thing.hide_render = True
    background.hide_render = False
    path = _camera_path(scene)
    things = [_leave_along_the_way(scene, layer, background) for layer in scene_layers]
    _draw_line(scene, "path", [path[:, :3, 3]], (1.0, 0.45, 0.05), 0.018 * spot.meter)
    frusta = [corners for matrix in path[::FRUSTUM_EVERY] for corners in _frustum(scene, matrix, 0.3 * spot.meter)]
    _draw_line(scene, "frusta", frusta, (1.0, 0.75, 0.2), 0.006 * spot.meter)
    room = _without_ceiling(background, CEILING_M * spot.meter)
    _look_at(scene, room, np.concatenate(things or [room]), path)


def _camera_path(scene: bpy.types.Scene) -> np.ndarray:
    """(frames, 4, 4) matrices of the solved camera in Blender's world."""
    matrices = []
    for frame in range(scene.frame_start, scene.frame_end + 1):
        scene.frame_set(frame)
        matrices.append(np.array(scene.camera.matrix_world))
    return np.stack(matrices)


def _leave_along_the_way(scene: bpy.types.Scene, layer: bpy.types.Object, background: bpy.types.Object) -> np.ndarray:
    """Copies of the layer's points at a few moments, as still clouds that look like the background's.

    Returns:
        (N, 3) those points in Blender's world.
    """
    number = layer["page4d_layer"]
    frames = next(c for c in bpy.data.collections if c.get("page4d_role") == "frame_clouds")
    clouds = sorted(frames.objects, key=lambda thing: thing.name)
    kept = [(cloud, of) for cloud in clouds if (of := _attribute(cloud.data, "layer", 1) == number).sum() > 200]
    matrix, shown = np.array(background.matrix_world), [np.empty((0, 3))]
    for cloud, of_layer in kept[:: max(1, len(kept) // LAYER_MOMENTS)]:
        mesh = bpy.data.meshes.new("moment")
        points = _attribute(cloud.data, "position", 3)[of_layer]
        mesh.vertices.add(len(points))
        mesh.attributes["position"].data.foreach_set("vector", np.ascontiguousarray(points).ravel())
        colors = np.ascontiguousarray(_attribute(cloud.data, "Col", 4)[of_layer])
        mesh.attributes.new("Col", "FLOAT_COLOR", "POINT").data.foreach_set("color", colors.ravel())
        sizes = np.ascontiguousarray(_attribute(cloud.data, "size", 1)[of_layer])
        mesh.attributes.new("size", "FLOAT", "POINT").data.foreach_set("value", sizes)
        shown.append(points @ matrix[:3, :3].T + matrix[:3, 3])
        still = background.copy()
        still.data = mesh
        still.hide_render = False
        scene.collection.objects.link(still)
    return np.concatenate(shown)


def _attribute(mesh: bpy.types.Mesh, name: str, width: int) -> np.ndarray:
    """(N,) or (N, width) values of a point attribute; absent is zeros."""
    count = len(mesh.vertices)
    if name not in mesh.attributes:
        return np.zeros(count, np.float32)
    attribute = mesh.attributes[name]
    of = {"FLOAT_VECTOR": "vector", "BYTE_COLOR": "color", "FLOAT_COLOR": "color"}.get(attribute.data_type, "value")
    values = np.zeros(count * width, np.int32 if attribute.data_type in ("INT", "INT8") else np.float32)
    attribute.data.foreach_get(of, values)
    return values if width == 1 else values.reshape(-1, width)


def _without_ceiling(background: bpy.types.Object, height: float) -> np.ndarray:
    """Take the points above `height` away; (N, 3) what is left, in Blender's world."""
    mesh = background.data
    points, matrix = _attribute(mesh, "position", 3), np.array(background.matrix_world)
    world = points @ matrix[:3, :3].T + matrix[:3, 3]
    low = world[:, 2] < height
    kept = {a.name: (a.data_type, _attribute(mesh, a.name, 4 if "COLOR" in a.data_type else 1)[low])
            for a in mesh.attributes if a.name in ("Col", "size")}  # fmt: skip
    mesh.clear_geometry()
    mesh.vertices.add(int(low.sum()))
    mesh.attributes["position"].data.foreach_set("vector", np.ascontiguousarray(points[low]).ravel())
    for name, (kind, values) in kept.items():
        of = "color" if "COLOR" in kind else "value"
        mesh.attributes.new(name, kind, "POINT").data.foreach_set(of, np.ascontiguousarray(values).ravel())
    return world[low]


def _frustum(scene: bpy.types.Scene, matrix: np.ndarray, size: float) -> list[np.ndarray]:
    """Line strips of one camera's pyramid, in Blender's world."""
    corners = np.array([tuple(corner) for corner in scene.camera.data.view_frame(scene=scene)])
    corners = corners / np.abs(corners[0, 2]) * size
    world = corners @ matrix[:3, :3].T + matrix[:3, 3]
    eye = matrix[:3, 3]
    return [np.array([*world, world[0]]), *(np.array([eye, corner]) for corner in world)]


def _draw_line(
    scene: bpy.types.Scene, name: str, strips: list[np.ndarray], color: tuple[float, float, float], radius: float
) -> None:
    curve = bpy.data.curves.new(f"demo {name}", "CURVE")
    curve.dimensions, curve.bevel_depth = "3D", radius
    for strip in strips:
        spline = curve.splines.new("POLY")
        spline.points.add(len(strip) - 1)
        spline.points.foreach_set("co", np.c_[strip, np.ones(len(strip))].astype(np.float32).ravel())
    material = bpy.data.materials.new(curve.name)
    material.use_nodes = True
    surface = next(node for node in material.node_tree.nodes if node.type == "BSDF_PRINCIPLED")
    surface.inputs["Base Color"].default_value = (0.0, 0.0, 0.0, 1.0)
    surface.inputs["Emission Color"].default_value = (*color, 1.0)
    surface.inputs["Emission Strength"].default_value = 1.0
    curve.materials.append(material)
    scene.collection.objects.link(bpy.data.objects.new(curve.name, curve))


def _look_at(scene: bpy.types.Scene, room: np.ndarray, things: np.ndarray, path: np.ndarray) -> None:
    """A camera above the room, on the side from which the shot was taken, that shows room, things and path.

    Args:
        room: (N, 3) still points, far-off ones among them.
        things: (M, 3) moving points.
        path: (frames, 4, 4) of the solved camera.
    """
    behind = path[:, :3, 2].mean(axis=0)  # a camera looks along its own -z
    away = Vector((behind[0], behind[1], 0.95 * np.hypot(behind[0], behind[1]))).normalized()
    turn = away.to_track_quat("Z", "Y")
    axes = np.array(turn.to_matrix())
    seen, outliers = [points @ axes for points in (room, things, path[:, :3, 3])], (5, 1, 0)
    low = np.min([np.percentile(p, cut, axis=0) for p, cut in zip(seen, outliers, strict=True)], axis=0)
    high = np.max([np.percentile(p, 100 - cut, axis=0) for p, cut in zip(seen, outliers, strict=True)], axis=0)
    eye = bpy.data.objects.new("demo eye", bpy.data.cameras.new("demo eye"))
    scene.collection.objects.link(eye)
    eye.data.lens, eye.data.clip_end = 110, 1e5
    half_width = max(high[0] - low[0], (high[1] - low[1]) * WIDTH / HEIGHT) / 2
    distance = half_width * MARGIN * eye.data.lens / (eye.data.sensor_width / 2)
    place = axes @ np.array([*(low[:2] + high[:2]) / 2, (low[2] + high[2]) / 2 + distance])
    eye.matrix_world = Matrix.Translation(place.tolist()) @ turn.to_matrix().to_4x4()
    scene.camera = eye
