"""Footage to result package, stage by stage; every finished stage is kept, so that a cut-off solve goes on there."""

import errno
import hashlib
import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from model_server import __version__
from model_server.engines import engine_named
from model_server.engines.engine import Engine
from model_server.footage.clip import Clip
from model_server.footage.model_images import model_images
from model_server.footage.open import open_clip, require_solvable
from model_server.geometry.pixel_map import PixelMap, fit_long_side
from model_server.geometry.shot import (
    Array,
    DepthMaps,
    Geometry,
    Ground,
    Layers,
    Motion,
    Plate,
    Progress,
    Solution,
    Tracks,
)
from model_server.package.writer import check_target
from model_server.pipeline.checkpoint import Checkpoints, new_array
from model_server.pipeline.ground import find_ground
from model_server.pipeline.layers import follow_things
from model_server.pipeline.motion import find_moving
from model_server.pipeline.moving_depth import stand_on_ground
from model_server.pipeline.pack import Solved, write_package
from model_server.pipeline.room import NoRoom, need_room
from model_server.pipeline.solve import solve_cameras
from model_server.pipeline.staged import Report, Staged
from model_server.pipeline.support import check_support
from model_server.pipeline.tracks import track_points
from model_server.pipeline.undistort import undistort_images
from model_server.settings import SolveSettings


@dataclass(frozen=True)
class Images:
    images: Array  # (F, H, W, 3) uint8 sRGB, model size


def solve_clip(
    footage: Path, settings: SolveSettings, workspace: Path, package: Path, report: Report, name: str | None = None
) -> None:
    """Solve `footage` and write `package`; the workspace is gone when the package is whole.

    Called again after a crash with the same arguments it goes on after the last finished stage. With other footage
    or settings it starts anew.

    Args:
        footage: a movie, a folder, or one image of a numbered sequence.
        workspace: a folder for nothing else; it is emptied when it belongs to another solve.
        package: where the result goes; what is there is replaced when the new one is whole.
        report: is told the stage and the share of it that is done.
        name: what the clip is called; None takes the footage's own name.

    Raises:
        BadInput: the footage or the settings can't be used; nothing was written at `package`.
        NoRoom: the disk is too small.
    """
    check_support(settings)
    check_target(package)
    try:
        _solve(footage, settings, workspace, package, report, name)
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        raise NoRoom(
            f"the disk of {workspace} is full", hint="free some space; the solve goes on from there"
        ) from error


def _solve(
    footage: Path, settings: SolveSettings, workspace: Path, package: Path, report: Report, name: str | None
) -> None:
    report("footage", 0.0)
    clip, engine = open_clip(footage, settings.frames, settings.fps), engine_named(settings.engine)
    info = clip.info
    require_solvable(info)
    width, height = fit_long_side(info.width, info.height, engine.long_side)
    workspace.parent.mkdir(parents=True, exist_ok=True)
    hashes = _hash_files(info.files, lambda done: report("footage", 0.2 * done))
    checkpoints = Checkpoints(workspace, _key(clip, hashes, settings, engine))
    if checkpoints.is_new:
        need_room(info.frame_count, width, height, workspace)
    staged = Staged(checkpoints, report)
    shape = info.frame_count, height, width, 3

    def shrunk(folder: Path, progress: Progress) -> Images:
        return Images(model_images(clip, engine.long_side, folder / "images.npy", progress)[0])

    plate = _plate(clip, staged.result("footage", "plate", Images, shrunk, (0.2, 1.0)).images)
    pixels = plate.pixels
    tracks = staged.result("tracks", "tracks", Tracks, lambda _, progress: track_points(plate, progress))
    geometry = staged.result(
        "engine", "geometry", Geometry, lambda _, progress: engine.estimate(plate, tracks, settings, progress)
    )
    solution = staged.result(
        "solve", "solution", Solution, lambda _, progress: solve_cameras(plate, tracks, geometry, settings, progress)
    )

    def undistorted(folder: Path, progress: Progress) -> Images:
        images = new_array(folder, "images", "uint8", shape)
        undistort_images(plate, solution, images, progress)
        return Images(images)

    images = staged.result("depth", "undistorted", Images, undistorted, (0.0, 0.1)).images
    depth = staged.result(
        "depth",
        "depth",
        DepthMaps,
        lambda _, progress: engine.densify(images, pixels, geometry, solution, progress),
        (0.1, 1.0),
    )
    motion = staged.result(
        "motion",
        "motion",
        Motion,
        lambda _, progress: find_moving(images, pixels, depth, solution, geometry, tracks, progress),
    )
    ground = staged.result("layers", "ground", Ground, lambda *_: find_ground(solution, depth, pixels), (0.0, 0.1))
    layers = staged.result(
        "layers",
        "layers",
        Layers,
        lambda _, progress: follow_things(images, pixels, motion, depth, solution, progress),
        (0.1, 0.8),
    )
    standing = staged.result(
        "layers",
        "standing",
        DepthMaps,
        lambda *_: stand_on_ground(depth, layers, solution, pixels, ground),
        (0.8, 1.0),
    )
    solved = Solved(plate, images, solution, standing, motion, layers, ground)
    write_package(package, replace(info, name=name or info.name), hashes, engine.name, solved, staged)
    checkpoints.remove()


def _plate(clip: Clip, images: Array) -> Plate:
    info, (height, width) = clip.info, images.shape[1:3]
    pixels = PixelMap(scale=(info.width / width, info.height / height))
    return Plate(images, clip.frame, info.width, info.height, info.pixel_aspect, pixels)


def _hash_files(files: tuple[Path, ...], progress: Progress) -> tuple[str, ...]:
    hashes = []
    for index, file in enumerate(files):
        with file.open("rb") as stream:
            hashes.append(hashlib.file_digest(stream, "sha256").hexdigest())
        progress((index + 1) / len(files))
    return tuple(hashes)


def _key(clip: Clip, hashes: tuple[str, ...], settings: SolveSettings, engine: Engine) -> str:
    """What a checkpoint depends on: another key, another solve."""
    facts = [__version__, engine.name, engine.long_side, hashes, clip.info.frame_numbers, asdict(settings)]
    return hashlib.sha256(json.dumps(facts, default=str, sort_keys=True).encode()).hexdigest()
