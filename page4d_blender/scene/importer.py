"""From a result package to a Blender scene: every part of DESIGN.md, "What the scene holds"."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import bpy
import numpy as np
from mathutils import Matrix

from ..core.clouds import POINT_CAP, Cloud, background_cloud, frame_cap, frame_cloud, layer_center
from ..core.coordinates import blender_camera_matrices, leveling_matrix
from ..core.package import Package
from ..core.roles import Role
from .camera import build_camera, match_render
from .cards import build_card
from .clouds import ensure_layer_cloud, fill_background, fill_frame_clouds, fill_tracks
from .keys import write_keys
from .parts import ensure_part, remove_layers_except
from .plate import PlateFiles, find_plate, show_plate


@dataclass(frozen=True)
class BuildReport:
    """What an import has put into the scene."""

    frames: int  # with a solved camera
    points: int  # of the fused background and of all frames
    layers: int
    camera: str  # name of the object
    warnings: tuple[str, ...]


def build_scene(
    package: Package,
    scene: bpy.types.Scene,
    plate: Path | None = None,
    progress: Callable[[float], None] = lambda share: None,
) -> BuildReport:
    """Build the scene, or update in place what an earlier import has built.

    The artist's root transform, names, materials, node inputs, children and color management stay.

    Args:
        plate: the movie, an image of the sequence, or its folder; None follows the package's hint.
        progress: called with the share that is done, 0..1.
    """
    facts, warnings = package.manifest, []
    root, first_time = ensure_part(scene, Role.ROOT, f"{facts.clip.name} World")
    if first_time:
        floor = None if facts.floor is None else np.array(facts.floor)
        root.matrix_world = Matrix(leveling_matrix(np.array(facts.up), floor).tolist())
    match_render(package, scene, first_time)
    camera = build_camera(package, scene, root)
    files = _shown_plate(package, camera, plate, warnings)

    background = background_cloud(package)
    fill_background(package, scene, root, background)
    fill_tracks(package, scene, root)
    clouds = _FrameClouds(package, progress)
    frames = fill_frame_clouds(package, scene, root, clouds.cloud_of)
    _build_layers(package, scene, camera, frames, files, clouds, warnings)

    if clouds.cap < POINT_CAP:
        warnings.append(f"the shot is long: each of its frames shows at most {clouds.cap:,} points")
    unknown = int((~package.known).sum())
    if unknown:
        warnings.append(f"{unknown} of {len(package.known)} frames have no camera; they have no keys and no points")
    return BuildReport(
        frames=int(package.known.sum()),
        points=clouds.point_count + len(background.positions),
        layers=len(facts.layers),
        camera=camera.name,
        warnings=tuple(warnings),
    )


class _FrameClouds:
    """Makes each frame's cloud once, and keeps of it only where the moving things are."""

    def __init__(self, package: Package, progress: Callable[[float], None]) -> None:
        self._package, self._progress = package, progress
        self.point_count, self.cap = 0, frame_cap(package)
        self.centers_of: dict[int, dict[int, np.ndarray]] = {layer.id: {} for layer in package.manifest.layers}

    def cloud_of(self, index: int) -> Cloud:
        cloud = frame_cloud(self._package, index, self.cap)
        self.point_count += len(cloud.positions)
        for layer, centers in self.centers_of.items():
            if (center := layer_center(cloud, layer)) is not None:
                centers[index] = center
        self._progress((index + 1) / len(self._package.frame_numbers))
        return cloud


def _shown_plate(
    package: Package, camera: bpy.types.Object, given: Path | None, warnings: list[str]
) -> PlateFiles | None:
    files = find_plate(package, given)
    if files is None:
        place = given or package.manifest.clip.path
        warnings.append(f"the footage was not found at {place}: the camera has no background; import again with it")
        return None
    try:
        show_plate(package, camera, files)
    except RuntimeError as error:
        warnings.append(f"Blender can't show {files.file}: {error}".strip())
        return None
    if package.manifest.varying_focal and not package.manifest.distortion.is_pinhole:
        warnings.append("the lens zooms and distorts: Blender undistorts the background with its median focal length")
    return files


def _build_layers(
    package: Package,
    scene: bpy.types.Scene,
    camera: bpy.types.Object,
    frames: bpy.types.Object,
    files: PlateFiles | None,
    clouds: _FrameClouds,
    warnings: list[str],
) -> None:
    """Cloud, Empty and card of every moving thing; what an earlier import had beyond these goes."""
    remove_layers_except(scene, {layer.id for layer in package.manifest.layers})
    matrices = blender_camera_matrices(package.camera_from_world)
    for layer in package.manifest.layers:
        name = f"{package.manifest.clip.name} {layer.name}"
        ensure_layer_cloud(scene, frames, layer.id, name)
        places = clouds.centers_of[layer.id]
        if not places:
            warnings.append(f"{layer.name} has no point of known depth in any frame")
            continue
        empty, _ = ensure_part(scene, Role.LAYER_CENTER, f"{name} Center", None, frames.parent, layer.id)
        indices = np.array(sorted(places))
        positions = np.stack([places[index] for index in indices])
        write_keys(empty, "location", package.frame_numbers[indices], positions)
        if not package.mattes.get(layer.id):
            continue
        away = positions - matrices[indices, :3, 3]
        depths = -np.einsum("ij,ij->i", away, matrices[indices, :3, 2])
        build_card(
            package, scene, camera, layer.id, f"{name} Card", files, dict(zip(indices.tolist(), depths.tolist()))
        )
