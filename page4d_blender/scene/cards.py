"""A moving thing as a card: a plane that fills the camera's frame at the thing's depth, cut out by its matte."""

from dataclasses import dataclass
from pathlib import Path

import bpy
import numpy as np
from numpy.typing import NDArray

from .. import compat
from ..core.lens import Distortion, plate_pixels
from ..core.package import Package
from ..core.roles import LAYER, ROLE, Role
from .keys import write_keys
from .parts import ensure_part, find_part, remove_unused
from .plate import PlateFiles, blender_path

_CELLS = 64  # a side, where the lens bends; straight pieces of a curve that long stay within a twentieth of a pixel


@dataclass(frozen=True)
class Pictures:
    """A movie or numbered files, and the footage frames for which there are some."""

    name: str  # of the image in Blender
    file: Path
    is_movie: bool
    numbers: NDArray[np.int32]


def build_card(
    package: Package,
    scene: bpy.types.Scene,
    camera: bpy.types.Object,
    layer: int,
    name: str,
    plate: PlateFiles | None,
    depths: dict[int, float],
) -> None:
    """Make or update the card of one moving thing; a new one is hidden, for its cloud shows the thing already.

    Args:
        plate: None leaves the picture as it is; a new card without one is black.
        depths: index of a frame that shows the thing to its depth, scene units.
    """
    card, new = ensure_part(scene, Role.LAYER_CARD, name, bpy.data.meshes.new(name), camera, layer)
    _write_plane(card.data, package)
    _write_place(card, package, depths)
    mattes = package.mattes[layer]
    numbers = np.array(sorted(mattes), np.int32)
    material = _material(card, layer, name)
    _show(material, "Matte", Pictures(f"{name} Matte", mattes[int(numbers[0])], False, numbers), Role.MATTE)
    if plate is not None:
        pictures = Pictures(f"{package.manifest.clip.name} Plate", plate.file, plate.is_movie, package.frame_numbers)
        _show(material, "Plate", pictures, Role.PLATE)
    if new:
        card.hide_viewport = card.hide_render = True


def card_matte(scene: bpy.types.Scene, layer: int) -> bpy.types.Image | None:
    """The matte sequence of one moving thing, for the compositor and for shaders."""
    card = find_part(scene, Role.LAYER_CARD, layer)
    return card.active_material.node_tree.nodes["Matte"].image if card and card.active_material else None


def _write_plane(mesh: bpy.types.Mesh, package: Package) -> None:
    """A unit square in the camera's x, y; its texture coordinates follow the lens to the distorted plate."""
    facts, lens = package.manifest.clip, package.manifest.distortion
    cells = 1 if lens == Distortion() else _CELLS
    side = np.linspace(0, 1, cells + 1)
    x, y = (axis.ravel() for axis in np.meshgrid(side, side))  # y down, as in the picture
    corner = (np.arange(cells)[:, None] * (cells + 1) + np.arange(cells)).ravel()
    faces = np.stack([corner + cells + 1, corner + cells + 2, corner + 1, corner], axis=1)
    mesh.clear_geometry()
    mesh.from_pydata(np.stack([x - 0.5, 0.5 - y, np.zeros_like(x)], axis=1).tolist(), [], faces.tolist())
    size = np.array([facts.width, facts.height], np.float64)
    pixels = plate_pixels(np.stack([x, y], axis=1) * size, np.median(package.intrinsics[package.known], axis=0), lens)
    coordinates = np.stack([pixels[:, 0] / size[0], 1 - pixels[:, 1] / size[1]], axis=1)
    mesh.uv_layers.new(name="Plate").data.foreach_set("uv", coordinates[faces.ravel()].astype(np.float32).ravel())
    mesh.update()


def _write_place(card: bpy.types.Object, package: Package, depths: dict[int, float]) -> None:
    """Keys that fill the frame exactly, whatever the lens does."""
    indices = np.array([index for index in sorted(depths) if package.known[index]], np.int64)
    depth = np.array([depths[index] for index in indices])
    width, height = package.manifest.clip.width, package.manifest.clip.height
    intrinsics = package.intrinsics[indices]
    focal_x, focal_y = intrinsics[:, 0, 0], intrinsics[:, 1, 1]
    x = (width / 2 - intrinsics[:, 0, 2]) / focal_x * depth
    y = (intrinsics[:, 1, 2] - height / 2) / focal_y * depth
    frames = package.frame_numbers[indices]
    write_keys(card, "location", frames, np.stack([x, y, -depth], axis=1))
    write_keys(card, "scale", frames, np.stack([width / focal_x, height / focal_y, 1 / depth], axis=1) * depth[:, None])


def _material(card: bpy.types.Object, layer: int, name: str) -> bpy.types.Material:
    """The card's own material, as the artist left it; made where there is none."""
    for slot in card.data.materials:
        if slot and slot.get(ROLE) == Role.LAYER_CARD and {"Matte", "Plate"} <= set(slot.node_tree.nodes.keys()):
            return slot
    material = bpy.data.materials.new(name)
    material[ROLE], material[LAYER] = Role.LAYER_CARD.value, layer
    material.surface_render_method = "BLENDED"
    tree = compat.node_tree_of(material)
    plate, matte = tree.nodes.new("ShaderNodeTexImage"), tree.nodes.new("ShaderNodeTexImage")
    light, clear = tree.nodes.new("ShaderNodeEmission"), tree.nodes.new("ShaderNodeBsdfTransparent")
    mix, output = tree.nodes.new("ShaderNodeMixShader"), tree.nodes.new("ShaderNodeOutputMaterial")
    plate.name, matte.name = "Plate", "Matte"
    plate.extension = matte.extension = "CLIP"
    for node, place in zip((plate, matte, light, clear, mix, output), ((-560, -300), (-560, 0), (-240, -300),
                                                                       (-240, -120), (0, 0), (220, 0))):  # fmt: skip
        node.location = place
    tree.links.new(plate.outputs["Color"], light.inputs["Color"])
    tree.links.new(matte.outputs["Color"], mix.inputs[0])
    tree.links.new(clear.outputs[0], mix.inputs[1])
    tree.links.new(light.outputs[0], mix.inputs[2])
    tree.links.new(mix.outputs[0], output.inputs["Surface"])
    card.data.materials.clear()
    card.data.materials.append(material)
    return material


def _show(material: bpy.types.Material, node_name: str, pictures: Pictures, role: Role) -> None:
    """Point a texture node at pictures whose file numbers are scene frames; a missing one shows the one before."""
    node = material.node_tree.nodes[node_name]
    old, node.image = node.image, _image(pictures, role)
    if old is not None:
        remove_unused([old])
    first, last = int(pictures.numbers[0]), int(pictures.numbers[-1])
    user = node.image_user
    user.frame_start, user.frame_duration, user.frame_offset = first, last - first + 1, first - 1
    user.use_auto_refresh, user.use_cyclic = True, False
    # Blender asks for file `frame + 1 - frame_start + offset`; where that is missing, the offset leads back.
    frames = np.arange(first, last + 1)
    held = pictures.numbers[np.searchsorted(pictures.numbers, frames, side="right") - 1]
    path = f'nodes["{node_name}"].image_user.frame_offset'
    gaps = frames if np.any(held != frames) else frames[:0]
    offsets = (first - 1 + held - frames)[: len(gaps)]
    write_keys(material.node_tree, path, gaps, offsets, "CONSTANT", owner=material)


def _image(pictures: Pictures, role: Role) -> bpy.types.Image:
    for image in bpy.data.images:
        if image.get(ROLE) == role and bpy.path.abspath(image.filepath) == str(pictures.file):
            return image
    image = bpy.data.images.load(blender_path(pictures.file), check_existing=False)
    image.name, image[ROLE] = pictures.name, role.value
    image.source = "MOVIE" if pictures.is_movie else "SEQUENCE"
    if role is Role.MATTE:
        image.colorspace_settings.name = "Non-Color"
    return image
