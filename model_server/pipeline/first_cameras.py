"""The solve from an engine's cameras where the tracks bear them out, and from the tracks alone where they do not."""

from dataclasses import dataclass, replace

import numpy as np

from model_server.engines.classical.engine import ClassicalEngine
from model_server.engines.classical.explained import explained
from model_server.engines.classical.match_database import Sightings
from model_server.engines.engine import Engine
from model_server.errors import Unsolvable
from model_server.geometry.shot import FrameStatus, Geometry, Plate, Progress, Solution, Tracks
from model_server.geometry.square_picture import SquarePicture
from model_server.pipeline.solve import solve_cameras
from model_server.settings import ModeChoice, SolveSettings

# What a solve must reach to be believed without asking structure from motion. From network-grade cameras five shots
# reach 65 to 79 % of the sightings at a third of a pixel or less; a path that was 15 % off reached 50 % on one of them.
_SIGHTINGS = 0.6
_FRAMES = 0.9
_MEDIAN_PX = 1.5  # square pixels
# Of the sightings of still tracks: where cameras explain less, structure from motion is asked as well. On 12 shots
# right ones explain 89 to 99 %; wrong ones, begun 20 and 8 degrees off, 86 %.
_BELIEVED = 0.9


@dataclass(frozen=True)
class Agreement:
    """How far tracks agree with solved cameras."""

    sightings: float  # share of the sightings of still tracks
    frames: float  # share of the frames that such tracks are seen in
    median_px: float  # square pixels; infinite where nothing agrees

    @property
    def is_enough(self) -> bool:
        return self.sightings >= _SIGHTINGS and self.frames >= _FRAMES and self.median_px <= _MEDIAN_PX

    def __str__(self) -> str:
        return f"{self.sightings:.0%} of the sightings in {self.frames:.0%} of the frames"


def solve_first_cameras(
    engine: Engine, plate: Plate, tracks: Tracks, geometry: Geometry, settings: SolveSettings, progress: Progress
) -> Solution:
    """Solve from the cameras of `geometry`; a learned engine's are checked, not trusted.

    Where too few sightings or frames agree with what comes of them, or it explains too little of the picture, structure
    from motion finds cameras from the tracks instead, and the solution that more sightings agree with is kept. Its
    assumptions say so, and hold the notes of `geometry`.

    Raises:
        Unsolvable: neither leads to a camera path.
    """
    if engine.weights is None:
        return _with_notes(solve_cameras(plate, tracks, geometry, settings, progress), geometry.notes)
    try:
        solution = solve_cameras(plate, tracks, geometry, settings, lambda done: progress(0.5 * done))
        agreement = agreement_of(plate, tracks, geometry, solution)
    except Unsolvable:
        solution, agreement = None, Agreement(0.0, 0.0, float("inf"))
    if solution is not None and agreement.is_enough and explained_by(plate, tracks, geometry, solution) >= _BELIEVED:
        progress(1.0)
        return _with_notes(solution, geometry.notes)
    other = _from_tracks(plate, tracks, geometry, settings, lambda done: progress(0.5 + 0.5 * done))
    if isinstance(other, Unsolvable):
        if solution is None:
            raise other
        note = f"only {agreement} agree with the cameras, and the tracks alone lead to none"
        return _with_notes(solution, (*geometry.notes, note))
    others = agreement_of(plate, tracks, geometry, other)
    if solution is not None and others.sightings * others.frames <= agreement.sightings * agreement.frames:
        note = f"only {agreement} agree with the cameras; cameras from the tracks alone fit no better"
        return _with_notes(solution, (*geometry.notes, note))
    note = f"the tracks do not bear out the network's cameras ({agreement} agree): cameras come from the tracks alone"
    return _with_notes(other, (*geometry.notes, note))


def agreement_of(plate: Plate, tracks: Tracks, geometry: Geometry, solution: Solution) -> Agreement:
    """How far the tracks that `geometry` holds for still agree with a solution."""
    static = geometry.static_tracks
    still = np.ones(tracks.track_count, bool) if static is None else static
    frames = tracks.frame_indices[still[tracks.track_ids]]
    seen = np.unique(frames)
    solved = np.count_nonzero(solution.status[seen] == FrameStatus.SOLVED)
    sightings = len(solution.observations) / max(1, len(frames))
    return Agreement(sightings, solved / max(1, len(seen)), solution.median_px * SquarePicture.of(plate).scale[1])


def explained_by(plate: Plate, tracks: Tracks, geometry: Geometry, solution: Solution) -> float:
    """The share of the still tracks' sightings that a still point explains, in frames that have a camera."""
    square, still = SquarePicture.of(plate), geometry.static_tracks
    keep = np.isfinite(solution.camera_from_world[tracks.frame_indices, 0, 0])
    if still is not None:
        keep &= still[tracks.track_ids]
    frames, ids = tracks.frame_indices[keep], tracks.track_ids[keep]
    lenses = square.intrinsics(square.focal_of(solution.intrinsics))
    seen = Sightings(frames, ids, square.from_plate(tracks.positions[keep]))
    return explained(seen, solution.camera_from_world, lenses, solution.distortion)


def _from_tracks(
    plate: Plate, tracks: Tracks, geometry: Geometry, settings: SolveSettings, progress: Progress
) -> Solution | Unsolvable:
    try:
        if settings.mode is not ModeChoice.ZOOM:
            settings = replace(settings, mode=ModeChoice.FREE)
        first = ClassicalEngine().estimate(plate, tracks, settings, lambda done: progress(0.7 * done))
        first = replace(first, static_tracks=geometry.static_tracks)  # the same sightings are to agree
        return solve_cameras(plate, tracks, first, settings, lambda done: progress(0.7 + 0.3 * done))
    except Unsolvable as error:
        return error


def _with_notes(solution: Solution, notes: tuple[str, ...]) -> Solution:
    return replace(solution, assumptions=(*solution.assumptions, *notes))
