"""The scene's parts, found again by their role, so that an import updates what an earlier one made."""

from collections.abc import Iterator

import bpy

from ..core.roles import LAYER, ROLE, Role


def find_part(scene: bpy.types.Scene, role: Role, layer: int | None = None) -> bpy.types.Object | None:
    """The object of that role in the scene, or None; renamed and moved ones are found too."""
    return next(iter(_parts(scene, role, layer)), None)


def ensure_part(
    scene: bpy.types.Scene,
    role: Role,
    name: str,
    data: bpy.types.ID | None = None,
    parent: bpy.types.Object | None = None,
    layer: int | None = None,
) -> tuple[bpy.types.Object, bool]:
    """The object of that role, and whether it is new. An old one keeps its name, data, parent and place.

    Args:
        data: of a new object; where an old one is found it is removed again unless something else uses it.
    """
    if (old := find_part(scene, role, layer)) is not None:
        if data is not None and data.users == 0:
            bpy.data.batch_remove([data])
        return old, False
    part = bpy.data.objects.new(name, data)
    part[ROLE] = role.value
    if layer is not None:
        part[LAYER] = layer
    part.parent = parent
    _collection(scene).objects.link(part)
    return part, True


def remove_layers_except(scene: bpy.types.Scene, kept: set[int]) -> None:
    """Remove the parts of moving things that are no more; what the artist hung on them stays where it is."""
    parts = [p for role in (Role.LAYER, Role.LAYER_CENTER, Role.LAYER_CARD) for p in _parts(scene, role, None)]
    for part in [part for part in parts if part.get(LAYER) not in kept]:
        for child in part.children:
            place = child.matrix_world.copy()
            child.parent = part.parent
            child.matrix_world = place
        remove_with_data(part)


def remove_with_data(part: bpy.types.Object) -> None:
    """Remove an object and what only it used: its data, action, materials and images that carry a role."""
    owned = [part.data, part.animation_data.action if part.animation_data else None]
    materials = [slot.material for slot in part.material_slots if slot.material and slot.material.get(ROLE)]
    bpy.data.batch_remove([part])
    remove_unused([thing for thing in owned if thing])
    for material in materials:
        tree = material.node_tree
        images = [node.image for node in tree.nodes if getattr(node, "image", None)]
        actions = [tree.animation_data.action] if tree.animation_data and tree.animation_data.action else []
        remove_unused([material])
        remove_unused([*images, *actions])


def remove_unused(things: list[bpy.types.ID]) -> None:
    """Remove those that nothing uses."""
    unused = [thing for thing in things if thing.users == 0]
    if unused:
        bpy.data.batch_remove(unused)


def _parts(scene: bpy.types.Scene, role: Role, layer: int | None) -> Iterator[bpy.types.Object]:
    for part in scene.objects:
        if part.get(ROLE) == role and (layer is None or part.get(LAYER) == layer):
            yield part


def _collection(scene: bpy.types.Scene) -> bpy.types.Collection:
    """Where new parts go: one collection for all of them."""
    for collection in scene.collection.children_recursive:
        if collection.get(ROLE) == Role.COLLECTION:
            return collection
    collection = bpy.data.collections.new("Page4D")
    collection[ROLE] = Role.COLLECTION.value
    scene.collection.children.link(collection)
    return collection
