"""What a Blender scene really shows, for tests: evaluated clouds and rendered pixels as numpy arrays."""

from dataclasses import dataclass
from pathlib import Path

import bpy
import numpy as np


@dataclass(frozen=True)
class Points:
    """N evaluated points of one cloud."""

    positions: np.ndarray  # (N, 3) world
    radii: np.ndarray  # (N,)
    colors: np.ndarray  # (N, 3) linear


def shown_points(scene: bpy.types.Scene, frame: int) -> dict[str, Points]:
    """Points of every cloud at a frame, by role; a layer's role has its number behind: `layer 1`."""
    scene.frame_set(frame)
    found = {}
    for instance in bpy.context.evaluated_depsgraph_get().object_instances:  # each lives only until the next
        if instance.object.type == "POINTCLOUD":
            owner, cloud = instance.parent, instance.object.data
            name = " ".join(str(owner[key]) for key in ("page4d_role", "page4d_layer") if key in owner)
            found[name] = Points(
                _attribute(cloud, "position", "vector", 3) @ np.array(instance.matrix_world.to_3x3()).T
                + np.array(instance.matrix_world.translation),
                _attribute(cloud, "radius", "value", 1)[:, 0],
                _attribute(cloud, "Col", "color", 4)[:, :3],
            )
    return found


def shown_counts(scene: bpy.types.Scene, frame: int) -> dict[str, int]:
    """How many points every cloud has at a frame; a cloud without points is not there."""
    return {name: len(points.positions) for name, points in shown_points(scene, frame).items() if len(points.positions)}


def part(scene: bpy.types.Scene, role: str, layer: int | None = None) -> bpy.types.Object:
    """The one object of a role."""
    (found,) = [o for o in scene.objects if o.get("page4d_role") == role and layer in (None, o.get("page4d_layer"))]
    return found


def rendered(scene: bpy.types.Scene, frame: int, file: Path, samples: int = 4) -> np.ndarray:
    """(H, W, 4) what Cycles renders, sRGB levels 0..255 with the first row at the top; alpha where nothing is."""
    scene.render.engine = "CYCLES"
    scene.cycles.samples, scene.cycles.use_denoising, scene.cycles.device = samples, False, "CPU"
    scene.cycles.pixel_filter_type = "BOX"
    scene.render.film_transparent = True
    scene.render.image_settings.file_format, scene.render.image_settings.color_mode = "PNG", "RGBA"
    scene.render.filepath = str(file)
    scene.frame_set(frame)
    bpy.ops.render.render(write_still=True)
    image = bpy.data.images.load(str(file))
    pixels = np.empty(len(image.pixels), np.float32)
    image.pixels.foreach_get(pixels)
    width, height = image.size
    bpy.data.images.remove(image)
    return pixels.reshape(height, width, 4)[::-1] * 255


def _attribute(cloud: bpy.types.PointCloud, name: str, member: str, width: int) -> np.ndarray:
    values = np.zeros(len(cloud.points) * width, np.float32)
    if name in cloud.attributes:
        cloud.attributes[name].data.foreach_get(member, values)
    return values.reshape(-1, width).astype(np.float64)
