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
from model_server.footage.source import OpenClip
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
from model_server.pipeline.artist_mattes import ArtistMattes
from model_server.pipeline.camera_choice import solve_shot
from model_server.pipeline.checkpoint import Checkpoints, new_array
from model_server.pipeline.cuts import ShotPart
from model_server.pipeline.given_layers import GivenThings, given_things, moving_as_given, others, with_given
from model_server.pipeline.ground import find_ground
from model_server.pipeline.layers import follow_things
from model_server.pipeline.motion import find_moving
from model_server.pipeline.moving_depth import stand_on_ground
from model_server.pipeline.pack import Solved, write_package
from model_server.pipeline.room import NoRoom, need_room
from model_server.pipeline.shadow_layer import Shadows, find_shadows, with_shadows
from model_server.pipeline.smoothing import smoothed
from model_server.pipeline.staged import Report, Staged
from model_server.pipeline.support import check_support
from model_server.pipeline.tracks import track_points
from model_server.pipeline.undistort import undistort_images
from model_server.settings import SolveSettings


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
    workspace.parent.mkdir(parents=True, exist_ok=True)
    mattes = ArtistMattes.of(settings.mattes, info)
    hashes = _hash_files(info.files, lambda done: report("footage", 0.2 * done))
    inputs = (*hashes, *_hash_files(mattes.files, lambda _: None))
    checkpoints = Checkpoints(workspace, _key(clip, inputs, settings, engine))
    if checkpoints.is_new:
        width, height = fit_long_side(info.width, info.height, engine.long_side, engine.multiple)
        need_room(info.frame_count, width, height, workspace)
    staged = Staged(checkpoints, report)
    solved = _Stages(clip, engine, settings, staged, mattes).run()
    info = replace(info, name=name or info.name, notes=(*info.notes, *mattes.notes))
    write_package(package, info, hashes, engine, solved, staged)
    checkpoints.remove()


@dataclass(frozen=True)
class _Images:
    images: Array  # (F, H, W, 3) uint8 sRGB, model size


@dataclass(frozen=True)
class _Stages:
    """Every stage but the first look at the footage and the package: what it takes, and under which name it is kept."""

    clip: OpenClip
    engine: Engine
    settings: SolveSettings
    staged: Staged
    mattes: ArtistMattes

    def run(self) -> Solved:
        plate = self._plate()
        pixels, result = plate.pixels, self.staged.result
        tracks = result(
            "tracks", "tracks", Tracks, lambda _, progress: track_points(plate, progress, self.mattes.left_out)
        )
        part = ShotPart.of(plate.images, tracks, self.clip.info.frame_numbers)
        tracks = part.tracks(tracks)
        with part.named_in_errors():
            geometry = result(
                "engine",
                "geometry",
                Geometry,
                lambda folder, progress: self.engine.estimate(plate, tracks, self.settings, progress, folder),
            )
            solution = result(
                "solve",
                "solution",
                Solution,
                lambda _, progress: smoothed(
                    part.solution(solve_shot(self.engine, plate, tracks, geometry, self.settings, progress)),
                    self.settings.smoothing,
                ),
            )
        images = self._undistorted(plate, solution)
        depth = result(
            "depth",
            "depth",
            DepthMaps,
            lambda _, progress: self.engine.densify(images, pixels, geometry, solution, progress),
            (0.1, 1.0),
        )
        motion = result(
            "motion",
            "motion",
            Motion,
            lambda _, progress: part.motion(find_moving(images, pixels, depth, solution, geometry, tracks, progress)),
            (0.0, 0.9),
        )
        given = self._given(plate, solution)
        searched = motion if given is None else others(motion, given)
        motion = motion if given is None else moving_as_given(motion, given)
        ground = result("layers", "ground", Ground, lambda *_: find_ground(solution, depth, pixels), (0.0, 0.1))
        layers = result(
            "layers",
            "layers",
            Layers,
            lambda _, progress: follow_things(images, pixels, searched, depth, solution, progress),
            (0.1, 0.8),
        )
        layers = layers if given is None else with_given(layers, given, [matte.name for matte in self.mattes.layers])
        standing = result(
            "layers",
            "standing",
            DepthMaps,
            lambda folder, _: stand_on_ground(depth, layers, solution, pixels, ground, folder),
            (0.8, 0.9),
        )
        if self.settings.shadows:
            layers = with_shadows(layers, self._shadows(images, pixels, depth, motion, solution))
        return Solved(plate, images, solution, standing, motion, layers, ground, self.mattes)

    def _given(self, plate: Plate, solution: Solution) -> GivenThings | None:
        """What the artist's layers show; None where there are none."""
        if not self.mattes.layers:
            return None
        return self.staged.result(
            "motion",
            "given",
            GivenThings,
            lambda _, progress: given_things(plate, self.mattes.layers, solution, progress),
            (0.9, 1.0),
        )

    def _shadows(
        self, images: Array, pixels: PixelMap, depth: DepthMaps, motion: Motion, solution: Solution
    ) -> Shadows:
        return self.staged.result(
            "layers",
            "shadows",
            Shadows,
            lambda _, progress: find_shadows(images, pixels, depth, motion, solution, progress),
            (0.9, 1.0),
        )

    def _plate(self) -> Plate:
        def shrink(folder: Path, progress: Progress) -> _Images:
            engine, file = self.engine, folder / "images.npy"
            images, _ = model_images(self.clip, engine.long_side, file, progress, engine.multiple)
            return _Images(images)

        images = self.staged.result("footage", "plate", _Images, shrink, (0.2, 1.0)).images
        info, (height, width) = self.clip.info, images.shape[1:3]
        pixels = PixelMap(scale=(info.width / width, info.height / height))
        return Plate(images, self.clip.frame, info.width, info.height, info.pixel_aspect, pixels)

    def _undistorted(self, plate: Plate, solution: Solution) -> Array:
        def undistort(folder: Path, progress: Progress) -> _Images:
            images = new_array(folder, "images", "uint8", plate.images.shape)
            undistort_images(plate, solution, images, progress)
            return _Images(images)

        return self.staged.result("depth", "undistorted", _Images, undistort, (0.0, 0.1)).images


def _hash_files(files: tuple[Path, ...], progress: Progress) -> tuple[str, ...]:
    hashes = []
    for index, file in enumerate(files):
        with file.open("rb") as stream:
            hashes.append(hashlib.file_digest(stream, "sha256").hexdigest())
        progress((index + 1) / len(files))
    return tuple(hashes)


def _key(clip: Clip, hashes: tuple[str, ...], settings: SolveSettings, engine: Engine) -> str:
    """What a checkpoint depends on: another key, another solve."""
    weights = None if engine.weights is None else asdict(engine.weights)
    looks = [engine.name, weights, engine.long_side, engine.multiple]
    facts = [__version__, looks, hashes, clip.info.frame_numbers, asdict(settings)]
    return hashlib.sha256(json.dumps(facts, default=str, sort_keys=True).encode()).hexdigest()
