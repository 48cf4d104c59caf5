"""The last stage: what was solved, in scene units, as a result package."""

import time
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from model_server.engines.engine import Engine
from model_server.footage.clip import ClipInfo
from model_server.geometry.shot import Array, Background, DepthMaps, Ground, Layers, Motion, Plate, Solution
from model_server.package.writer import PackageWriter
from model_server.pipeline.artist_mattes import ArtistMattes
from model_server.pipeline.background import fuse_background
from model_server.pipeline.facts import manifest_of
from model_server.pipeline.given_layers import write_given_mattes
from model_server.pipeline.mattes import write_mattes
from model_server.pipeline.scale import scaled, scene_scale
from model_server.pipeline.staged import Staged, seed


@dataclass(frozen=True)
class Solved:
    """What the stages found, in the solution's own units."""

    plate: Plate
    images: Array  # (F, H, W, 3) uint8 sRGB, undistorted
    solution: Solution
    depth: DepthMaps  # moving things stand on the ground
    motion: Motion
    layers: Layers
    ground: Ground
    mattes: ArtistMattes  # of the first layers


def write_package(
    target: Path, clip: ClipInfo, file_hashes: tuple[str, ...], engine: Engine, solved: Solved, staged: Staged
) -> None:
    """Fuse the background, bring everything to scene units and write `target`, made by `engine`."""
    start, progress = time.monotonic(), staged.progress("package")
    progress(0.0)
    seed()
    plate, images, layers, motion = solved.plate, solved.images, solved.layers, solved.motion
    background = fuse_background(images, solved.depth, motion, solved.solution, plate.pixels)
    progress(0.3)
    factor = scene_scale(solved.depth.depth, motion, solved.solution.mode)
    solution, ground = scaled(solved.solution, factor), scaled(solved.ground, factor)
    solution = replace(solution, assumptions=(*solution.assumptions, *solved.depth.notes))
    with PackageWriter(target) as writer:
        mattes, given = writer.folder / "mattes", solved.mattes.layers
        found = replace(layers, things=layers.things[len(given) :])
        write_mattes(plate, found, solution, clip.frame_numbers, mattes, lambda done: progress(0.3 + 0.4 * done))
        write_given_mattes(given, clip.frame_numbers, (clip.width, clip.height), mattes)
        writer.add_mattes(clip.height, clip.width)
        _add_arrays(writer, clip, solved, solution, scaled(background, factor), factor)
        progress(0.9)
        seconds = staged.seconds() | {"package": round(time.monotonic() - start, 2)}
        writer.finish(
            manifest_of(
                clip, file_hashes, target, engine, images, plate.pixels, solution, ground, motion, layers, seconds
            )
        )
    progress(1.0)


def _add_arrays(
    writer: PackageWriter,
    clip: ClipInfo,
    solved: Solved,
    solution: Solution,
    background: Background,
    factor: float,
) -> None:
    """The solution and the background come in scene units, the depth is brought to them by `factor`."""
    arrays: dict[str, Array] = {
        "cameras/camera_from_world.npy": np.asarray(solution.camera_from_world, np.float64),
        "cameras/intrinsics.npy": np.asarray(solution.intrinsics, np.float64),
        "cameras/frame_numbers.npy": np.asarray(clip.frame_numbers, np.int32),
        "cameras/status.npy": np.asarray(solution.status, np.uint8),
        "cameras/reprojection_px.npy": np.asarray(solution.reprojection_px, np.float32),
        "images.npy": solved.images,
        "confidence.npy": solved.depth.confidence,
        "moving.npy": solved.motion.moving,
        "layers.npy": solved.layers.labels,
        "background/positions.npy": np.asarray(background.positions, np.float32),
        "background/colors.npy": np.asarray(background.colors, np.uint8),
        "tracks/positions.npy": np.asarray(solution.points, np.float32),
        "tracks/observations.npy": np.asarray(solution.observations, np.float32),
    }
    for path, array in arrays.items():
        writer.add_array(path, array)
    writer.add_array("depth.npy", solved.depth.depth, factor)
