"""What differs between Blender 4.2 and 5.2; asked by capability, and nowhere else."""

from typing import Any

import bpy

from .core.look import ColorBy


def set_input(modifier: bpy.types.NodesModifier, name: str, value: Any) -> None:
    """Set an input of a geometry-nodes modifier by the name it shows; 5.2 moved them into `properties`.

    A menu takes a `ColorBy`: its number before 5.2, its label from there on.
    """
    identifier = _identifier(modifier, name)
    if hasattr(modifier, "properties"):
        value = value.label if isinstance(value, ColorBy) else value
        getattr(modifier.properties.inputs, identifier).value = value
    else:
        modifier[identifier] = int(value) if isinstance(value, ColorBy) else value
    modifier.id_data.update_tag()


def get_input(modifier: bpy.types.NodesModifier, name: str) -> Any:
    """Value of an input of a geometry-nodes modifier by the name it shows; a menu gives a `ColorBy`."""
    identifier = _identifier(modifier, name)
    if hasattr(modifier, "properties"):
        value = getattr(modifier.properties.inputs, identifier).value
    else:
        value = modifier[identifier]
    if _socket(modifier, name).socket_type != "NodeSocketMenu":
        return value
    return ColorBy(value) if isinstance(value, int) else next(choice for choice in ColorBy if choice.label == value)


def input_property(modifier: bpy.types.NodesModifier, name: str) -> tuple[Any, str]:
    """The owner and the property to give to `layout.prop` (or to prefix for keyframes) for an input."""
    identifier = _identifier(modifier, name)
    if hasattr(modifier, "properties"):
        return getattr(modifier.properties.inputs, identifier), "value"
    return modifier, f'["{identifier}"]'


def curves_of(thing: bpy.types.ID, name: str) -> Any:
    """Where the keys of `thing` go: its own action, made if it has none; Blender 4.4 moved them into slots."""
    data = thing.animation_data_create()
    action = data.action or bpy.data.actions.new(name)
    if not hasattr(action, "slots"):
        data.action = action
        return action.fcurves
    slot = data.action_slot or action.slots.new(id_type=thing.id_type, name=thing.name)
    # In this order: assigning an action without saying which slot leaves it silent.
    data.action = action
    data.action_slot = slot
    layer = action.layers[0] if action.layers else action.layers.new("Layer")
    strip = layer.strips[0] if layer.strips else layer.strips.new(type="KEYFRAME")
    return strip.channelbag(slot, ensure=True).fcurves


def node_tree_of(material: bpy.types.Material) -> bpy.types.NodeTree:
    """An empty node tree for `material`; from 5.0 on every material has one, and asking for it is deprecated."""
    if material.node_tree is None:
        material.use_nodes = True
    material.node_tree.nodes.clear()
    return material.node_tree


def menu_switch(tree: bpy.types.NodeTree, labels: list[str]) -> bpy.types.Node:
    """A Menu Switch of geometry. It starts with two entries whose numbers are 0 and 1; new ones count on."""
    node = tree.nodes.new("GeometryNodeMenuSwitch")
    node.data_type = "GEOMETRY"
    items = node.enum_items
    while len(items) < len(labels):
        items.new("")
    for item, label in zip(items, labels):
        item.name = label
    return node


def _identifier(modifier: bpy.types.NodesModifier, name: str) -> str:
    return str(_socket(modifier, name).identifier)


def _socket(modifier: bpy.types.NodesModifier, name: str) -> Any:
    return next(
        item
        for item in modifier.node_group.interface.items_tree
        if item.item_type == "SOCKET" and item.in_out == "INPUT" and item.name == name
    )
