"""Which kind of camera a shot is solved for: as chosen, or as the tracks say, and how much it explains."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from model_server.engines.classical.engine import ClassicalEngine
from model_server.engines.classical.keyframes import keyframes
from model_server.engines.classical.match_database import Sightings
from model_server.engines.classical.parallax import CameraMotion, camera_motion
from model_server.engines.engine import Engine
from model_server.errors import Unsolvable
from model_server.geometry.cameras import project, transform
from model_server.geometry.shot import Geometry, Plate, Progress, Solution, SolveMode, Tracks
from model_server.geometry.square_picture import SquarePicture
from model_server.pipeline.first_cameras import Agreement, agreement_of, explained_by
from model_server.pipeline.tripod import solve_tripod
from model_server.pipeline.zoom import solve_moving
from model_server.settings import ModeChoice, SolveSettings

_GATE_PX = 2.0  # square pixels: a sighting farther off does not agree, however much its solve allows
# Of the sightings of still tracks: cameras that explain less leave out a part of the picture. On 12 shots right ones
# explain 89 to 99 %, wrong ones of one of them 60 %.
_FITS = 0.85
_LEAST_MERIT = 0.3  # of a camera that was not chosen: below it, no camera is better


def solve_shot(
    engine: Engine, plate: Plate, tracks: Tracks, geometry: Geometry, settings: SolveSettings, progress: Progress
) -> Solution:
    """Solve for a camera that stays in one place, or for one that moves: as chosen, else as the tracks say.

    What was not chosen is doubted where too few tracks agree: then the other is solved as well, and the solution that
    more sightings agree with is kept. Its assumptions say so, and warn where a large part of the picture does not fit.

    Raises:
        Unsolvable: neither leads to cameras.
    """
    shot = _Shot(engine, plate, tracks, geometry, settings)
    return _with_warning(_chosen(shot, settings, progress), shot)


def _chosen(shot: "_Shot", settings: SolveSettings, progress: Progress) -> Solution:
    if settings.mode is not ModeChoice.AUTO:
        return shot.staying(progress) if settings.mode is ModeChoice.TRIPOD else shot.moving(progress)
    first, second = (shot.staying, shot.moving) if _stays(shot) else (shot.moving, shot.staying)
    found = _attempt(first, lambda done: progress(0.5 * done))
    if not isinstance(found, Unsolvable) and shot.agreement(found).is_enough:
        progress(1.0)
        return found
    other = _attempt(second, lambda done: progress(0.5 + 0.5 * done))
    merit, others = shot.merit(found), shot.merit(other)
    if others > max(merit, _LEAST_MERIT) and not isinstance(other, Unsolvable):
        return _with_note(other, f"{others:.0%} of the sightings agree with it, {merit:.0%} with {_KINDS[other.mode]}")
    if isinstance(found, Unsolvable):
        raise found
    return _with_note(found, f"only {shot.agreement(found)} agree, and with {_KINDS[found.mode]} no more")


# What a solution's mode is not, in words.
_KINDS = dict.fromkeys(SolveMode, "a camera that stays in one place") | {SolveMode.TRIPOD: "a camera that moves"}


@dataclass(frozen=True)
class _Shot:
    engine: Engine
    plate: Plate
    tracks: Tracks
    geometry: Geometry
    settings: SolveSettings

    def staying(self, progress: Progress) -> Solution:
        solution = solve_tripod(self.plate, self.tracks, self.geometry, self.settings, progress)
        return replace(solution, assumptions=(*solution.assumptions, *self.geometry.notes))

    def moving(self, progress: Progress) -> Solution:
        geometry, settings = self.geometry, self.settings
        if geometry.camera_from_world is None:
            if geometry.mode is None:
                raise Unsolvable(
                    "no camera path explains the tracked points",
                    hint="use footage in which more of the picture stands still, or give the lens",
                )
            settings = replace(settings, mode=ModeChoice.FREE)
            geometry = ClassicalEngine().estimate(self.plate, self.tracks, settings, lambda done: progress(0.6 * done))
        return solve_moving(
            self.engine, self.plate, self.tracks, geometry, settings, lambda done: progress(0.6 + 0.4 * done)
        )

    def agreement(self, solution: Solution) -> Agreement:
        return agreement_of(self.plate, self.tracks, self.geometry, solution)

    def merit(self, solution: Solution | Unsolvable) -> float:
        """The share of the still tracks' sightings, in all frames, that lie where the solution says."""
        if isinstance(solution, Unsolvable):
            return 0.0
        points, frames = solution.observations[:, :2].astype(np.int64).T
        in_camera = transform(solution.camera_from_world[frames], solution.points[points].astype(np.float64))
        pixels, _ = project(in_camera, solution.intrinsics[frames])
        square = SquarePicture.of(self.plate)
        errors = np.linalg.norm((pixels - solution.observations[:, 2:]) * square.scale, axis=1)
        agreement = self.agreement(solution)
        return agreement.sightings * agreement.frames * float(np.mean(errors < _GATE_PX))


def _with_warning(solution: Solution, shot: _Shot) -> Solution:
    """Of cameras that stay in one place nothing is said: no epipolar geometry tells movers from what does not fit."""
    share = 1.0 if solution.mode is SolveMode.TRIPOD else explained_by(shot.plate, shot.tracks, shot.geometry, solution)
    if share >= _FITS:
        return solution
    note = (
        f"a large part of the picture does not fit the cameras ({1 - share:.0%} of the points that seem to stand still)"
    )
    return _with_note(solution, f"{note}: they may be wrong; give the lens, or try another mode")


def _attempt(solve: Callable[[Progress], Solution], progress: Progress) -> Solution | Unsolvable:
    try:
        return solve(progress)
    except Unsolvable as error:
        return error


def _with_note(solution: Solution, note: str) -> Solution:
    return replace(solution, assumptions=(*solution.assumptions, note))


def _stays(shot: _Shot) -> bool:
    """Recognized by the engine, or by what the tracks share."""
    plate, tracks, geometry = shot.plate, shot.tracks, shot.geometry
    if geometry.mode is not None or geometry.camera_from_world is None:
        return geometry.mode is SolveMode.TRIPOD
    positions = SquarePicture.of(plate).from_plate(tracks.positions)
    keep = slice(None) if geometry.static_tracks is None else geometry.static_tracks[tracks.track_ids]
    sightings = Sightings(tracks.frame_indices[keep], tracks.track_ids[keep], positions[keep])
    return camera_motion(sightings, keyframes(sightings, plate.frame_count)) is not CameraMotion.MOVES
