"""Point clouds: fused background, one mesh for each frame, each moving thing, solved track points."""

from collections.abc import Callable

import bpy
import numpy as np

from .. import compat
from ..core.clouds import Cloud
from ..core.coordinates import blender_points
from ..core.look import ColorBy, Look, Wiring
from ..core.package import Package
from ..core.roles import ROLE, Role
from .cloud_tree import ALL_LAYERS, cloud_tree
from .parts import ensure_part

_MODIFIER = "Page4D Cloud"


def fill_frame_clouds(
    package: Package, scene: bpy.types.Scene, root: bpy.types.Object, cloud_of: Callable[[int], Cloud]
) -> bpy.types.Object:
    """Make or update the per-frame cloud; old frames' meshes are removed.

    Args:
        cloud_of: points of the frame at an index; asked for once each, in order.
    """
    name = package.manifest.clip.name
    thing, new = ensure_part(scene, Role.FRAMES, f"{name} Frames", bpy.data.meshes.new(f"{name} Frames"), root)
    _write_frame_table(thing.data, package)
    modifier = _modifier(thing)
    collection = None if new else compat.get_input(modifier, Wiring.FRAMES)
    if collection is None:
        collection = bpy.data.collections.new(f"{name} Frames")
        collection[ROLE] = Role.FRAME_CLOUDS.value
        compat.set_input(modifier, Wiring.FRAMES, collection)
        compat.set_input(modifier, Wiring.PER_FRAME, True)
    _empty(collection)
    # Collection Info sorts by name, so numbers are padded; the material is set by the nodes.
    for index in range(len(package.frame_numbers)):
        mesh = bpy.data.meshes.new(f"{name} {index:06d}")
        _write_points(mesh, cloud_of(index))
        frame = bpy.data.objects.new(mesh.name, mesh)
        frame[ROLE] = Role.FRAME_CLOUD.value
        collection.objects.link(frame)
    # Each moving thing has a cloud of its own: shown here too, it would stay when the artist hides that one.
    compat.set_input(modifier, Wiring.LAYERS_APART, bool(package.manifest.layers))
    return thing


def ensure_layer_cloud(
    scene: bpy.types.Scene, frames: bpy.types.Object, layer: int, name: str
) -> tuple[bpy.types.Object, bool]:
    """The cloud of one moving thing: the same meshes as `frames`, only its own points."""
    thing, new = ensure_part(scene, Role.LAYER, name, frames.data, frames.parent, layer)
    modifier = _modifier(thing)
    compat.set_input(modifier, Wiring.FRAMES, compat.get_input(_modifier(frames), Wiring.FRAMES))
    compat.set_input(modifier, Wiring.PER_FRAME, True)
    compat.set_input(modifier, Wiring.LAYER, layer)
    return thing, new


def fill_background(package: Package, scene: bpy.types.Scene, root: bpy.types.Object, cloud: Cloud) -> bpy.types.Object:
    """Make or update the fused still points."""
    name = f"{package.manifest.clip.name} Background"
    thing, _ = ensure_part(scene, Role.BACKGROUND, name, bpy.data.meshes.new(name), root)
    _write_points(thing.data, cloud)
    _modifier(thing)
    return thing


def fill_tracks(package: Package, scene: bpy.types.Scene, root: bpy.types.Object) -> bpy.types.Object:
    """Make or update the solved track points: bare vertices, so that the artist can snap and parent to them."""
    name = f"{package.manifest.clip.name} Tracks"
    thing, _ = ensure_part(scene, Role.TRACKS, name, bpy.data.meshes.new(name), root)
    positions = np.asarray(package.track_positions)
    _write_positions(thing.data, blender_points(positions[np.isfinite(positions).all(axis=1)]))
    return thing


def _modifier(thing: bpy.types.Object) -> bpy.types.NodesModifier:
    """The cloud's modifier, made where it is missing; its inputs keep what the artist has set."""
    for modifier in thing.modifiers:
        if modifier.type == "NODES" and modifier.node_group and modifier.node_group.get(ROLE) == Role.CLOUD_TREE:
            return modifier
    modifier = thing.modifiers.new(_MODIFIER, "NODES")
    modifier.node_group = cloud_tree()
    compat.set_input(modifier, Look.COLOR_BY, ColorBy.RGB)
    compat.set_input(modifier, Wiring.LAYER, ALL_LAYERS)
    compat.set_input(modifier, Wiring.MATERIAL, _point_material())
    return modifier


def _write_frame_table(mesh: bpy.types.Mesh, package: Package) -> None:
    count = len(package.frame_numbers)
    _write_positions(mesh, np.zeros((count, 3), np.float32))
    mesh.attributes.new("frame", "INT", "POINT").data.foreach_set(
        "value", np.ascontiguousarray(package.frame_numbers, dtype=np.int32)
    )


def _write_points(mesh: bpy.types.Mesh, cloud: Cloud) -> None:
    _write_positions(mesh, cloud.positions)
    colors = np.ones((len(cloud.colors), 4), np.float32)
    np.multiply(cloud.colors, np.float32(1 / 255), out=colors[:, :3])
    mesh.attributes.new("Col", "BYTE_COLOR", "POINT").data.foreach_set("color_srgb", colors.ravel())
    mesh.attributes.new("size", "FLOAT", "POINT").data.foreach_set("value", cloud.sizes)
    if cloud.confidences is not None:
        mesh.attributes.new("conf", "FLOAT", "POINT").data.foreach_set("value", cloud.confidences)
    if cloud.layers is not None:
        small = cloud.layers.max(initial=0) < 128  # Blender's 8 bits are signed
        layers = cloud.layers.astype(np.int8 if small else np.int32)
        mesh.attributes.new("layer", "INT8" if small else "INT", "POINT").data.foreach_set("value", layers)
    if cloud.edges is not None:
        mesh.attributes.new("edge", "INT8", "POINT").data.foreach_set("value", cloud.edges)


def _write_positions(mesh: bpy.types.Mesh, positions: np.ndarray) -> None:
    """Empty the mesh of all but its place in the file, then add bare vertices."""
    mesh.clear_geometry()
    mesh.vertices.add(len(positions))
    mesh.attributes["position"].data.foreach_set("vector", positions.ravel())
    mesh.update()


def _empty(collection: bpy.types.Collection) -> None:
    objects = list(collection.objects)
    meshes = [thing.data for thing in objects if thing.data is not None]
    if objects:
        bpy.data.batch_remove(objects)
        bpy.data.batch_remove(meshes)


def _point_material() -> bpy.types.Material:
    """The points' own colors, unlit: what the plate shows is already lit."""
    for material in bpy.data.materials:
        if material.get(ROLE) == Role.MATERIAL:
            return material
    material = bpy.data.materials.new("Page4D Points")
    material[ROLE] = Role.MATERIAL.value
    tree = compat.node_tree_of(material)
    color, emission = tree.nodes.new("ShaderNodeAttribute"), tree.nodes.new("ShaderNodeEmission")
    output = tree.nodes.new("ShaderNodeOutputMaterial")
    color.attribute_name, color.attribute_type = "Col", "GEOMETRY"
    color.location, output.location = (-220, 0), (220, 0)
    tree.links.new(color.outputs["Color"], emission.inputs["Color"])
    tree.links.new(emission.outputs["Emission"], output.inputs["Surface"])
    return material
