"""A cube and a cone that stand on the plate's floor and shade it: what a matchmove is judged by."""

from __future__ import annotations

import bmesh
import bpy
import numpy as np
from mathutils import Matrix
from standing_spot import Spot


def stand_objects_on(scene: bpy.types.Scene, spot: Spot) -> list[bpy.types.Object]:
    """Make the objects, a floor that only takes their shadow, and light.

    Returns:
        All of them.
    """
    meter = spot.meter
    base = Matrix.Translation(spot.place.tolist())
    cube, cone = bmesh.new(), bmesh.new()
    bmesh.ops.create_cube(cube, size=0.24 * meter, matrix=Matrix.Translation((0, 0, 0.12 * meter)))
    bmesh.ops.create_cone(
        cone,
        cap_ends=True,
        segments=48,
        radius1=0.11 * meter,
        radius2=0.0,
        depth=0.34 * meter,
        matrix=Matrix.Translation((0, 0, 0.17 * meter)),
    )
    turned = Matrix.Rotation(0.5, 4, "Z")
    things = [
        _thing(scene, "cube", cube, base @ Matrix.Translation((-0.16 * meter, 0, 0)) @ turned, (0.02, 0.35, 0.42)),
        _thing(scene, "cone", cone, base @ Matrix.Translation((0.17 * meter, 0, 0)), (0.85, 0.22, 0.02)),
    ]
    floor = bmesh.new()
    bmesh.ops.create_grid(floor, x_segments=1, y_segments=1, size=0.9 * meter)
    catcher = _thing(scene, "floor", floor, base, (0.5, 0.5, 0.5))
    catcher.is_shadow_catcher = True
    return [*things, catcher, *_lights(scene, spot)]


def _thing(
    scene: bpy.types.Scene, name: str, shape: bmesh.types.BMesh, matrix: Matrix, color: tuple[float, float, float]
) -> bpy.types.Object:
    mesh = bpy.data.meshes.new(f"demo {name}")
    shape.to_mesh(mesh)
    shape.free()
    material = bpy.data.materials.new(mesh.name)
    material.use_nodes = True
    surface = next(node for node in material.node_tree.nodes if node.type == "BSDF_PRINCIPLED")
    surface.inputs["Base Color"].default_value = (*color, 1.0)
    surface.inputs["Roughness"].default_value = 0.45
    mesh.materials.append(material)
    thing = bpy.data.objects.new(mesh.name, mesh)
    thing.matrix_world = matrix
    scene.collection.objects.link(thing)
    return thing


def _lights(scene: bpy.types.Scene, spot: Spot) -> list[bpy.types.Object]:
    """An even room, and one soft lamp overhead."""
    world = bpy.data.worlds.new("demo room")
    scene.world = world
    world.use_nodes = True
    background = next(node for node in world.node_tree.nodes if node.type == "BACKGROUND")
    background.inputs["Color"].default_value = (1.0, 0.96, 0.9, 1.0)
    background.inputs["Strength"].default_value = 0.35
    lamp = bpy.data.objects.new("demo lamp", bpy.data.lights.new("demo lamp", "AREA"))
    lamp.data.energy, lamp.data.size = 45 * spot.meter**2, 0.5 * spot.meter
    lamp.location = spot.place + spot.meter * np.array([0.5, -0.7, 2.2])
    lamp.rotation_euler = (0.35, 0.25, 0.0)
    scene.collection.objects.link(lamp)
    return [lamp]
