"""The walking figure in Blender: garments grown around a skeleton, skinned to bones that `walk` moves.

Every garment is a union of cones with round ends, fused by voxel remeshing and smoothed, so that limbs join without
seams. Each vertex first belongs to the bone of the nearest cone; diffusing those weights over the mesh gives soft
joints. Colors are made from each vertex's place at rest, so cloth moves with the body.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import bmesh
import bpy
import numpy as np
from cloth import Cloth, cloth_material
from mathutils import Matrix, Vector
from walk import BONES

VOXEL_M = 0.011
WEIGHT_ROUNDS = 14


@dataclass(frozen=True)
class Cone:
    """Part of a garment: a cone with round ends from `start` to `end` (3,), in meters, moved by `bone`."""

    bone: str
    start: tuple[float, float, float]
    start_radius: float
    end: tuple[float, float, float]
    end_radius: float


@dataclass(frozen=True)
class Garment:
    name: str
    cones: tuple[Cone, ...]
    cloth: Cloth


def make_figure(
    name: str, garments: Iterable[Garment], poses: np.ndarray, collection: bpy.types.Collection
) -> list[bpy.types.Object]:
    """Build one animated person.

    Args:
        name: what its objects are called.
        garments: what it is made of, in the rest pose of `walk`.
        poses: (frames, bones, 4, 4) from `walk`, keyed from scene frame 1 on.
        collection: where the objects go.

    Returns:
        The mesh objects.
    """
    armature = _armature(name, collection)
    _key_bones(armature, poses)
    return [_garment_object(name, garment, armature, collection) for garment in garments]


def _armature(name: str, collection: bpy.types.Collection) -> bpy.types.Object:
    """Free bones, each at the origin: a bone's pose is then simply its matrix from `walk`."""
    armature = bpy.data.objects.new(f"{name} bones", bpy.data.armatures.new(f"{name} bones"))
    collection.objects.link(armature)
    bpy.context.view_layer.objects.active = armature
    bpy.ops.object.mode_set(mode="EDIT")
    for bone in BONES:
        made = armature.data.edit_bones.new(bone)
        made.head, made.tail = (0, 0, 0), (0, 0.1, 0)
    bpy.ops.object.mode_set(mode="OBJECT")
    return armature


def _key_bones(armature: bpy.types.Object, poses: np.ndarray) -> None:
    rest_inverse = {bone.name: bone.matrix_local.inverted() for bone in armature.data.bones}
    for index, bone in enumerate(BONES):
        posed = armature.pose.bones[bone]
        posed.rotation_mode = "QUATERNION"
        previous = None
        for frame, matrix in enumerate(poses[:, index], start=1):
            rest = armature.data.bones[bone].matrix_local
            place, turn, _ = (rest_inverse[bone] @ Matrix(matrix.tolist()) @ rest).decompose()
            if previous is not None and previous.dot(turn) < 0:
                turn.negate()
            posed.location, posed.rotation_quaternion, previous = place, turn, turn
            posed.keyframe_insert("location", frame=frame)
            posed.keyframe_insert("rotation_quaternion", frame=frame)
    for curve in armature.animation_data.action.fcurves:
        for key in curve.keyframe_points:
            key.interpolation = "LINEAR"


def _garment_object(
    name: str, garment: Garment, armature: bpy.types.Object, collection: bpy.types.Collection
) -> bpy.types.Object:
    mesh = _fused(garment)
    thing = bpy.data.objects.new(f"{name} {garment.name}", mesh)
    collection.objects.link(thing)
    positions = np.empty((len(mesh.vertices), 3), np.float32)
    mesh.vertices.foreach_get("co", positions.ravel())
    rest = mesh.attributes.new("rest", "FLOAT_VECTOR", "POINT")
    rest.data.foreach_set("vector", positions.ravel())
    mesh.polygons.foreach_set("use_smooth", np.ones(len(mesh.polygons), bool))
    mesh.materials.append(cloth_material(f"{name} {garment.name}", garment.cloth))
    for bone, weights in _weights(mesh, positions, garment.cones).items():
        group = thing.vertex_groups.new(name=bone)
        for vertex in np.nonzero(weights > 0.01)[0]:
            group.add([int(vertex)], float(weights[vertex]), "REPLACE")
    modifier = thing.modifiers.new("bones", "ARMATURE")
    modifier.object, modifier.use_deform_preserve_volume = armature, True
    return thing


def _fused(garment: Garment) -> bpy.types.Mesh:
    shape = bmesh.new()
    for cone in garment.cones:
        _add_cone(shape, cone)
    rough = bpy.data.meshes.new(garment.name)
    shape.to_mesh(rough)
    shape.free()
    thing = bpy.data.objects.new("fusing", rough)
    bpy.context.scene.collection.objects.link(thing)
    remesh = thing.modifiers.new("fuse", "REMESH")
    remesh.mode, remesh.voxel_size = "VOXEL", VOXEL_M
    smooth = thing.modifiers.new("smooth", "SMOOTH")
    smooth.factor, smooth.iterations = 0.5, 8
    graph = bpy.context.evaluated_depsgraph_get()
    fused = bpy.data.meshes.new_from_object(thing.evaluated_get(graph))
    bpy.data.objects.remove(thing)
    return fused


def _add_cone(shape: bmesh.types.BMesh, cone: Cone) -> None:
    """Spheres along the axis, near enough to each other for the voxels to fuse them into a cone."""
    start, end = Vector(cone.start), Vector(cone.end)
    count = max(2, int((end - start).length / 0.012))
    for at in np.linspace(0.0, 1.0, count):
        radius = (1 - at) * cone.start_radius + at * cone.end_radius
        place = Matrix.Translation(start.lerp(end, at))
        bmesh.ops.create_icosphere(shape, subdivisions=3, radius=radius, matrix=place)


def _weights(mesh: bpy.types.Mesh, positions: np.ndarray, cones: tuple[Cone, ...]) -> dict[str, np.ndarray]:
    bones = sorted({cone.bone for cone in cones})
    distances = np.stack([_distance(positions, cone) for cone in cones])
    owner = np.array([bones.index(cone.bone) for cone in cones])[distances.argmin(0)]
    weights = np.eye(len(bones))[owner]
    edges = np.empty((len(mesh.edges), 2), np.int32)
    mesh.edges.foreach_get("vertices", edges.ravel())
    degree = np.bincount(edges.ravel(), minlength=len(positions))[:, None]
    for _ in range(WEIGHT_ROUNDS):
        total = np.zeros_like(weights)
        np.add.at(total, edges[:, 0], weights[edges[:, 1]])
        np.add.at(total, edges[:, 1], weights[edges[:, 0]])
        weights = 0.4 * weights + 0.6 * total / np.maximum(degree, 1)
    return dict(zip(bones, weights.T, strict=True))


def _distance(positions: np.ndarray, cone: Cone) -> np.ndarray:
    start, end = np.array(cone.start), np.array(cone.end)
    axis = end - start
    length = float(axis @ axis)
    at = np.clip((positions - start) @ axis / length, 0, 1) if length else np.zeros(len(positions))
    radius = cone.start_radius + at * (cone.end_radius - cone.start_radius)
    return np.linalg.norm(positions - start - at[:, None] * axis, axis=1) - radius
