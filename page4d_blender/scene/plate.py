"""The footage itself, behind everything the camera sees, undistorted by the solved lens."""

import os
import re
from dataclasses import dataclass
from pathlib import Path

import bpy
import numpy as np

from ..core.package import Package
from ..core.roles import ROLE, Role

_PICTURES = {".png", ".jpg", ".jpeg", ".exr", ".dpx", ".tif", ".tiff", ".cin", ".tga", ".bmp", ".webp", ".hdr", ".jp2"}


@dataclass(frozen=True)
class PlateFiles:
    """A movie, or the image of a numbered sequence that the solve began with."""

    file: Path
    is_movie: bool
    first_number: int  # scene frame that shows `file`


def find_plate(package: Package, given: Path | None) -> PlateFiles | None:
    """The footage to show: `given` (a movie, an image of a sequence, or its folder), else what the package hints at.

    The hint is followed only to a file that has the name of the footage, and never to another machine.
    """
    if given is None:
        hint = package.manifest.clip.path
        file = package.folder.resolve().parent / hint
        if "://" in hint or hint.startswith(("\\\\", "//")) or file.name not in package.manifest.clip.file_names:
            return None
        given = file
    given = Path(os.path.abspath(given))  # Blender's own idea of the current folder is another one
    if given.is_dir():
        given = next((given / name for name in package.manifest.clip.file_names if (given / name).is_file()), given)
    if not given.is_file():
        return None
    if given.suffix.lower() not in _PICTURES:
        return PlateFiles(given, True, 1)
    first = given.with_name(package.manifest.clip.file_names[0]) if package.manifest.clip.file_names else given
    file = first if first.is_file() else given
    digits = re.findall(r"\d+", file.stem)
    return PlateFiles(file, False, int(digits[-1]) if digits else int(package.frame_numbers[0]))


def show_plate(package: Package, camera: bpy.types.Object, plate: PlateFiles) -> bpy.types.MovieClip:
    """Make or update the camera's background clip.

    Raises:
        RuntimeError: Blender can't read the file.
    """
    data = camera.data
    background = next((b for b in data.background_images if b.clip and b.clip.get(ROLE) == Role.PLATE), None)
    if background is None:
        background = data.background_images.new()
        background.source = "MOVIE_CLIP"
    old = background.clip
    path = blender_path(plate.file)
    if old is None or bpy.path.abspath(old.filepath) != str(plate.file):
        background.clip = bpy.data.movieclips.load(path, check_existing=False)
        background.clip[ROLE] = Role.PLATE.value
        if old is not None:
            bpy.data.movieclips.remove(old)
    clip = background.clip
    clip.frame_start = plate.first_number
    _set_tracking_camera(clip, package)
    background.clip_user.use_render_undistorted = not package.manifest.distortion.is_pinhole
    background.clip_user.proxy_render_size = "FULL"
    background.frame_method = "CROP"
    background.display_depth = "BACK"
    background.alpha = 1.0
    data.show_background_images = True
    return clip


def blender_path(file: Path) -> str:
    """Relative to the .blend where it has been saved and lies on the same drive."""
    if bpy.data.filepath and Path(bpy.data.filepath).drive == file.drive:
        return str(bpy.path.relpath(str(file)))
    return str(file)


def _set_tracking_camera(clip: bpy.types.MovieClip, package: Package) -> None:
    """The lens of the clip is one for the shot: the median where it zooms."""
    facts, intrinsics = package.manifest, np.median(package.intrinsics[package.known], axis=0)
    camera = clip.tracking.camera
    camera.sensor_width = 36.0
    camera.pixel_aspect = float(intrinsics[1, 1] / intrinsics[0, 0])
    camera.focal_length_pixels = float(intrinsics[0, 0])
    camera.principal_point_pixels = float(intrinsics[0, 2]), float(facts.clip.height - intrinsics[1, 2])
    camera.distortion_model = "BROWN"
    camera.brown_k1, camera.brown_k2 = facts.distortion.k1, facts.distortion.k2
    camera.brown_k3, camera.brown_k4 = facts.distortion.k3, 0.0
    camera.brown_p1 = camera.brown_p2 = 0.0
