"""What the figure's garments look like: plain cloth, checked cloth, skin, hair. Patterns follow the rest pose."""

from __future__ import annotations

from dataclasses import dataclass

import bpy

CHECK_M = 0.042


@dataclass(frozen=True)
class Cloth:
    """Linear rgb colors; with a second color the cloth is checked. `creases` is the strength of its folds."""

    color: tuple[float, float, float]
    second: tuple[float, float, float] | None = None
    roughness: float = 0.85
    creases: float = 0.22


def cloth_material(name: str, cloth: Cloth) -> bpy.types.Material:
    """A material that reads the mesh attribute `rest`, the place of each point in the rest pose (meters)."""
    material = bpy.data.materials.new(name)
    material.use_nodes = True
    tree = material.node_tree
    surface = next(node for node in tree.nodes if node.type == "BSDF_PRINCIPLED")
    surface.inputs["Roughness"].default_value = cloth.roughness
    surface.inputs["Specular IOR Level"].default_value = 0.25
    rest = tree.nodes.new("ShaderNodeAttribute")
    rest.attribute_name = "rest"
    color = _checked(tree, rest, cloth) if cloth.second else _plain(tree, rest, cloth)
    tree.links.new(color, surface.inputs["Base Color"])
    tree.links.new(_creases(tree, rest, cloth), surface.inputs["Normal"])
    return material


def _plain(tree: bpy.types.NodeTree, rest: bpy.types.Node, cloth: Cloth) -> bpy.types.NodeSocket:
    """The color, a little lighter and darker from place to place."""
    noise = _noise(tree, rest, scale=35.0)
    ramp = tree.nodes.new("ShaderNodeValToRGB")
    for element, place, factor in zip(ramp.color_ramp.elements, (0.3, 0.7), (0.75, 1.25), strict=True):
        element.position = place
        element.color = (*(min(1.0, channel * factor) for channel in cloth.color), 1.0)
    tree.links.new(noise, ramp.inputs["Fac"])
    return ramp.outputs["Color"]


def _checked(tree: bpy.types.NodeTree, rest: bpy.types.Node, cloth: Cloth) -> bpy.types.NodeSocket:
    """Bands across and along; where they cross both colors mix, as woven checks do."""
    split = tree.nodes.new("ShaderNodeSeparateXYZ")
    tree.links.new(rest.outputs["Vector"], split.inputs[0])
    bands = [_bands(tree, split.outputs[axis]) for axis in ("X", "Z")]
    both = tree.nodes.new("ShaderNodeMath")
    both.operation = "MULTIPLY_ADD"
    tree.links.new(bands[0], both.inputs[0])
    both.inputs[1].default_value = 0.5
    half = tree.nodes.new("ShaderNodeMath")
    half.operation = "MULTIPLY"
    half.inputs[1].default_value = 0.5
    tree.links.new(bands[1], half.inputs[0])
    tree.links.new(half.outputs[0], both.inputs[2])
    mix = tree.nodes.new("ShaderNodeMix")
    mix.data_type = "RGBA"
    mix.inputs["A"].default_value = (*cloth.color, 1.0)
    mix.inputs["B"].default_value = (*cloth.second, 1.0)
    tree.links.new(both.outputs[0], mix.inputs["Factor"])
    return mix.outputs["Result"]


def _bands(tree: bpy.types.NodeTree, coordinate: bpy.types.NodeSocket) -> bpy.types.NodeSocket:
    """1 on every other band of the coordinate, 0 between."""
    scaled = tree.nodes.new("ShaderNodeMath")
    scaled.operation = "DIVIDE"
    scaled.inputs[1].default_value = 2 * CHECK_M
    tree.links.new(coordinate, scaled.inputs[0])
    fraction = tree.nodes.new("ShaderNodeMath")
    fraction.operation = "FRACT"
    tree.links.new(scaled.outputs[0], fraction.inputs[0])
    upper = tree.nodes.new("ShaderNodeMath")
    upper.operation = "GREATER_THAN"
    upper.inputs[1].default_value = 0.5
    tree.links.new(fraction.outputs[0], upper.inputs[0])
    return upper.outputs[0]


def _creases(tree: bpy.types.NodeTree, rest: bpy.types.Node, cloth: Cloth) -> bpy.types.NodeSocket:
    bump = tree.nodes.new("ShaderNodeBump")
    bump.inputs["Strength"].default_value = cloth.creases
    bump.inputs["Distance"].default_value = 0.02
    tree.links.new(_noise(tree, rest, scale=11.0), bump.inputs["Height"])
    return bump.outputs["Normal"]


def _noise(tree: bpy.types.NodeTree, rest: bpy.types.Node, scale: float) -> bpy.types.NodeSocket:
    noise = tree.nodes.new("ShaderNodeTexNoise")
    noise.inputs["Scale"].default_value = scale
    tree.links.new(rest.outputs["Vector"], noise.inputs["Vector"])
    return noise.outputs["Fac"]
