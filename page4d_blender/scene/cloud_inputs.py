"""The imported clouds of a scene, to be looked at and adjusted."""

import bpy

from ..core.roles import LAYER, ROLE, Role

_CLOUDS = (Role.BACKGROUND, Role.FRAMES, Role.LAYER)


def clouds_of(scene: bpy.types.Scene) -> list[bpy.types.Object]:
    """Background, then the per-frame cloud, then the moving things by their number."""
    found = [thing for thing in scene.objects if thing.get(ROLE) in _CLOUDS]
    return sorted(found, key=lambda thing: (_CLOUDS.index(thing[ROLE]), thing.get(LAYER, 0)))


def cloud_modifiers(scene: bpy.types.Scene) -> list[bpy.types.NodesModifier]:
    """Those whose inputs say how points look, one a cloud."""
    return [
        modifier
        for thing in clouds_of(scene)
        for modifier in thing.modifiers
        if modifier.type == "NODES" and modifier.node_group and modifier.node_group.get(ROLE) == Role.CLOUD_TREE
    ]
