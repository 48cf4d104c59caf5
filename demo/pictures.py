"""Two pictures of the demo's scene: objects that the solved camera holds in place, and the scene from the side.

    <bpy python> demo/pictures.py SHOT.blend PACKAGE.page4d OUT

OUT gets camera.png and side.png. In camera.png, above, is the plate with a cube and a cone that stand on its floor:
the first, the middle and the last frame that shows them. Below are the solved points from the solved camera: the first
frame of the shot, the middle one and one at three quarters. Runs in bpy, without the extension.
"""

from __future__ import annotations

import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import bpy
import numpy as np
from props import stand_objects_on
from side_view import show_from_the_side
from standing_spot import NoSpot, Spot, find_spot

TILE_WIDTH = 400
GAP_PX = 6
CAMERA_WIDENING, SIDE_WIDENING = 1.7, 2.4  # of points, so that no gaps are left between them, seen from aside, too
BACKDROP = np.array([0.16, 0.17, 0.19])  # sRGB, behind the points


@dataclass(frozen=True)
class Shot:
    """What the pictures need of the package, as arrays (DESIGN.md, "Result package")."""

    images: np.ndarray
    depth: np.ndarray
    layers: np.ndarray
    frame_numbers: np.ndarray

    @classmethod
    def read(cls, package: Path) -> Shot:
        def array(name: str) -> np.ndarray:
            return np.load(package / name, mmap_mode="r", allow_pickle=False)

        return cls(*(array(name) for name in ("images.npy", "depth.npy", "layers.npy", "cameras/frame_numbers.npy")))


def main(blend: Path, package: Path, out: Path) -> None:
    shot = Shot.read(package)
    bpy.ops.wm.open_mainfile(filepath=str(blend))
    scene = bpy.context.scene
    _quick_render(scene)
    _widen_points(CAMERA_WIDENING)
    cameras, ways = _cameras(scene, shot)
    spot = find_spot(_background_points(), cameras, shot.depth, shot.layers, ways)
    with tempfile.TemporaryDirectory() as scratch:
        picture = Path(scratch) / "picture.png"
        _save_png(_camera_picture(scene, shot, spot, picture), out / "camera.png")
        _widen_points(SIDE_WIDENING / CAMERA_WIDENING)
        show_from_the_side(scene, spot)
        scene.render.filepath = str(picture)
        bpy.ops.render.render(write_still=True)
        _save_png(_over(_read_png(picture), BACKDROP), out / "side.png")


def _camera_picture(scene: bpy.types.Scene, shot: Shot, spot: Spot, scratch: Path) -> np.ndarray:
    """Two rows of three moments."""
    height = round(TILE_WIDTH * scene.render.resolution_y / scene.render.resolution_x)
    scene.render.resolution_x, scene.render.resolution_y = TILE_WIDTH, height
    clouds = [thing for thing in scene.objects if thing.get("page4d_role") in ("background", "frames", "layer")]
    objects = stand_objects_on(scene, spot)
    frame_count = len(shot.frame_numbers)
    above, below = [], []
    _show(clouds, False)
    for index in (spot.indices[0], spot.indices[len(spot.indices) // 2], spot.indices[-1]):
        scene.frame_set(int(shot.frame_numbers[index]))
        rendered = _rendered(scene, scratch) * (1 - _in_front(shot, index, spot, height))[..., None]
        above.append(_over(rendered, _resized(shot.images[index], height, TILE_WIDTH) / 255))
    _show(clouds, True)
    _show(objects, False)
    for index in (0, frame_count // 2, frame_count * 3 // 4):
        scene.frame_set(int(shot.frame_numbers[index]))
        below.append(_over(_rendered(scene, scratch), BACKDROP))
    rows = [_beside(above), np.ones((GAP_PX, 3 * TILE_WIDTH + 2 * GAP_PX, 3)), _beside(below)]
    return np.concatenate(rows)


def _beside(pictures: list[np.ndarray]) -> np.ndarray:
    gap = np.ones((len(pictures[0]), GAP_PX, 3))
    first, second, third = pictures
    return np.concatenate([first, gap, second, gap, third], axis=1)


def _in_front(shot: Shot, index: int, spot: Spot, height: int) -> np.ndarray:
    """1 where a moving thing is nearer than the objects, (height, TILE_WIDTH)."""
    near = (shot.layers[index] > 0) & (shot.depth[index] < spot.depths[index]) & (shot.depth[index] > 0)
    return _resized(near.astype(np.float32)[..., None], height, TILE_WIDTH)[..., 0]


def _background_points() -> np.ndarray:
    """(N, 3) fused still points in Blender's world."""
    background = next(thing for thing in bpy.data.objects if thing.get("page4d_role") == "background")
    points = np.empty((len(background.data.vertices), 3), np.float32)
    background.data.vertices.foreach_get("co", points.ravel())
    matrix = np.array(background.matrix_world)
    return points @ matrix[:3, :3].T + matrix[:3, 3]


def _cameras(scene: bpy.types.Scene, shot: Shot) -> tuple[np.ndarray, np.ndarray]:
    """The camera at every frame, and where moving things have their centers.

    Returns:
        (frames, 3, 4) from Blender's world to the picture: x, y from 0 to 1 from the top left, times depth; depth.
        (N, 3) in Blender's world.
    """
    projections, ways = [], []
    graph = bpy.context.evaluated_depsgraph_get()
    centers = [thing for thing in scene.objects if thing.get("page4d_role") == "layer_center"]
    for number in shot.frame_numbers:
        scene.frame_set(int(number))
        camera, render = scene.camera, scene.render
        clip = camera.calc_matrix_camera(graph, x=render.resolution_x, y=render.resolution_y)
        x, y, _, w = np.array(clip) @ np.array(camera.matrix_world.inverted())
        projections.append(np.stack([(x + w) / 2, (w - y) / 2, w]))
        ways += [np.array(center.matrix_world.translation) for center in centers]
    return np.stack(projections), np.reshape(ways, (-1, 3))


def _widen_points(factor: float) -> None:
    for mesh in bpy.data.meshes:
        if "size" in mesh.attributes:
            sizes = np.empty(len(mesh.vertices), np.float32)
            mesh.attributes["size"].data.foreach_get("value", sizes)
            mesh.attributes["size"].data.foreach_set("value", sizes * np.float32(factor))


def _quick_render(scene: bpy.types.Scene) -> None:
    scene.render.engine = "CYCLES"
    scene.cycles.samples, scene.cycles.max_bounces, scene.cycles.use_denoising = 48, 2, False
    scene.render.film_transparent, scene.render.use_persistent_data = True, True
    scene.render.use_compositing = scene.render.use_sequencer = False
    scene.render.resolution_percentage = 100
    settings = scene.render.image_settings
    settings.file_format, settings.color_mode, settings.color_depth = "PNG", "RGBA", "8"


def _show(things: list[bpy.types.Object], shown: bool) -> None:
    for thing in things:
        thing.hide_render = not shown


def _rendered(scene: bpy.types.Scene, scratch: Path) -> np.ndarray:
    scene.render.filepath = str(scratch)
    bpy.ops.render.render(write_still=True)
    return _read_png(scratch)


def _over(front: np.ndarray, back: np.ndarray) -> np.ndarray:
    """A picture with alpha over another or over a color, all sRGB 0..1: (H, W, 3)."""
    return front[..., :3] * front[..., 3:] + back * (1 - front[..., 3:])


def _resized(image: np.ndarray, height: int, width: int) -> np.ndarray:
    """Bilinear, on pixel centers: (height, width, C) float."""

    def weights(wanted: int, given: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        place = np.clip((np.arange(wanted) + 0.5) * given / wanted - 0.5, 0, given - 1)
        low = np.minimum(place.astype(int), given - 2)
        return low, low + 1, place - low

    top, bottom, down = weights(height, image.shape[0])
    left, right, across = weights(width, image.shape[1])
    rows = image[top] * (1 - down)[:, None, None] + image[bottom] * down[:, None, None]
    return rows[:, left] * (1 - across)[None, :, None] + rows[:, right] * across[None, :, None]


def _read_png(path: Path) -> np.ndarray:
    """(H, W, 4) sRGB 0..1, top row first."""
    image = bpy.data.images.load(str(path), check_existing=False)
    image.colorspace_settings.name = "Non-Color"  # the file's own values
    width, height = image.size
    pixels = np.empty((height, width, 4), np.float32)
    image.pixels.foreach_get(pixels.ravel())
    bpy.data.images.remove(image)
    return pixels[::-1]


def _save_png(picture: np.ndarray, path: Path) -> None:
    height, width = picture.shape[:2]
    image = bpy.data.images.new("picture", width, height, is_data=True)
    pixels = np.ones((height, width, 4), np.float32)
    pixels[..., :3] = picture[::-1]
    image.pixels.foreach_set(np.ascontiguousarray(pixels).ravel())
    image.file_format = "PNG"
    image.save(filepath=str(path))
    bpy.data.images.remove(image)


if __name__ == "__main__":
    try:
        main(*(Path(argument).absolute() for argument in sys.argv[1:4]))
    except NoSpot as failure:
        sys.exit(f"pictures: there is no place for the test objects: {failure}")
