"""Whether the focal length changes over a shot: the same tracks, solved with one and with one for every frame."""

from dataclasses import dataclass, replace

import numpy as np

from model_server.errors import Unsolvable
from model_server.geometry.cameras import project, transform
from model_server.geometry.shot import Array, FrameStatus, Geometry, Plate, Solution, Tracks
from model_server.geometry.square_picture import SquarePicture
from model_server.pipeline.solve import GLANCE, solve_cameras
from model_server.settings import ModeChoice, SolveSettings

_SIGHTINGS = 200  # in a frame, about, that the question is put to
_CHANGES = 1.04  # longest over shortest focal length: lenses breathe by less when their focus is pulled
_GAIN = 1.4  # of the error; what one focal length leaves for other reasons (a rolling shutter, k2) gains up to 1.1
_SIGMAS = 4.0  # of a sighting's noise: beyond, it counts no more
_LEAST_NOISE_PX = 0.05  # square pixels; no tracker is better


@dataclass(frozen=True)
class FocalChange:
    """What a focal length for every frame makes better."""

    ratio: float = 1.0  # longest over shortest
    gain: float = 1.0  # mean robust error with one focal length over that with many
    zoom: Solution | None = None  # with many; of a part of the tracks

    @property
    def is_zoom(self) -> bool:
        return self.ratio >= _CHANGES and self.gain >= _GAIN


def focal_change(
    plate: Plate, tracks: Tracks, geometry: Geometry, solution: Solution, settings: SolveSettings
) -> FocalChange:
    """Solve a part of the tracks both ways from the cameras of `solution`, which has one focal length.

    Args:
        geometry: its static tracks are asked.
    """
    part = still_part(tracks, geometry.static_tracks)
    start = geometry_of(solution)
    try:
        one = solve_cameras(plate, part, start, replace(settings, mode=ModeChoice.FREE), silent, GLANCE)
        many = solve_cameras(plate, part, start, replace(settings, mode=ModeChoice.ZOOM), silent, GLANCE)
    except Unsolvable:
        return FocalChange()
    return compare(plate, one, many)


def compare(plate: Plate, one: Solution, many: Solution) -> FocalChange:
    """Judge two solutions of the same tracks: with one focal length, and with many."""
    square = SquarePicture.of(plate)
    errors = [_errors(solution, square) for solution in (one, many)]
    noise = max(float(np.median(errors[1])) / 1.1774, _LEAST_NOISE_PX)
    # What neither explains moves, or was lost by the tracker; it says nothing of the lens.
    count = max(map(len, errors))
    costs = [np.minimum((error / noise) ** 2, _SIGMAS**2).sum() + (count - len(error)) * _SIGMAS**2 for error in errors]
    focals = square.focal_of(many.intrinsics)
    return FocalChange(float(focals.max() / focals.min()), float(costs[0] / costs[1]), many)


def geometry_of(solution: Solution, static: Array | None = None) -> Geometry:
    """A solution as the start of another."""
    poses = np.where((solution.status == FrameStatus.SOLVED)[:, None, None], solution.camera_from_world, np.nan)
    return Geometry(poses, solution.intrinsics, solution.distortion, static_tracks=static)


def _errors(solution: Solution, square: SquarePicture) -> Array:
    """(M,) of the sightings that agree, in square pixels."""
    point, frame = solution.observations[:, :2].astype(int).T
    places = transform(solution.camera_from_world[frame], solution.points[point].astype(np.float64))
    pixels, _ = project(places, solution.intrinsics[frame])
    return np.asarray(np.linalg.norm(square.from_plate(pixels - solution.observations[:, 2:]), axis=1))


def still_part(tracks: Tracks, static: Array | None) -> Tracks:
    """Every nth still track, whole: what the question is put to."""
    still = np.ones(tracks.track_count, bool) if static is None else static
    frame_count = len(np.unique(tracks.frame_indices))
    every = max(1, int(still[tracks.track_ids].sum() / (_SIGHTINGS * max(1, frame_count))))
    chosen = np.zeros(tracks.track_count, bool)
    chosen[np.nonzero(still)[0][::every]] = True
    rows = chosen[tracks.track_ids]
    _, ids = np.unique(tracks.track_ids[rows], return_inverse=True)
    return Tracks(ids.astype(np.int32), tracks.frame_indices[rows], tracks.positions[rows])


def silent(done: float) -> None:
    """A question on the way shows no progress of its own."""
