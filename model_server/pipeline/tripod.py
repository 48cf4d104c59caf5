"""The solve of a camera that stays in one place: it turns, or rests. No depth, but rotations at pixel accuracy."""

from dataclasses import dataclass, replace

import numpy as np
from scipy.spatial.transform import Rotation

from model_server.errors import Unsolvable
from model_server.geometry.lens import is_plausible, undistort_pixels
from model_server.geometry.shot import Array, FrameStatus, Geometry, Plate, Progress, Solution, SolveMode, Tracks
from model_server.geometry.square_picture import LONG_SIDE, SquarePicture
from model_server.geometry.triangulation import PointSightings
from model_server.geometry.tripod_sphere import RADIUS
from model_server.pipeline.bundle import LOSS_PX, Lens
from model_server.pipeline.lens_choice import first_lens, lens_in_words
from model_server.pipeline.resection import fill_between
from model_server.pipeline.turning_bundle import LensSigmas, TurningBundle, adjust_turning, turning_errors
from model_server.pipeline.turning_start import first_turns, rays
from model_server.settings import ModeChoice, SolveSettings

_USUAL_ANGLE = np.radians(55.0)  # across the long side, where nothing tells: a normal lens
_FIRST_PX = 6.0  # square pixels, farther off than which a sighting is left out at first ...
_SIGMAS, _LEAST_CUTOFF_PX = 4.0, 0.5  # ... and later: times the spread of the errors
_ROUNDS = (10, 20, 40)  # iterations
_ADJUSTED = 400  # sightings in a frame, about: a turn and a lens need no more
_MIN_SIGHTINGS, _STILL_SHARE = 3, 0.5  # of a track that must agree: a mover agrees only for a while
_MIN_POINTS, _MIN_FRAMES, _MIN_IN_FRAME = 20, 2, 8
_HELD_FOCAL, _HELD_K1 = 0.1, 0.05  # standard deviation, of the focal length and in k1: known no better, it is not known
_NEEDED_GAIN = 1.02  # k1 stays if leaving it out costs 2 % more
_LEAST_TURN = np.radians(0.5)  # below it any small bend of the picture passes for a focal length
_REST_PX = 0.25  # square pixels: a picture that shifts less than this in the whole shot is at rest


def solve_tripod(
    plate: Plate, tracks: Tracks, geometry: Geometry, settings: SolveSettings, progress: Progress
) -> Solution:
    """Rotations, lens and directions of the still tracks, with the camera in the world's origin.

    Args:
        geometry: `static_tracks` and `intrinsics` where the engine knows them; its cameras are not used.

    Returns:
        Cameras of all frames; those that share too little with the others are interpolated and marked so. Points lie
        on a sphere of radius 5. `assumptions` say in words what could not be found, and how far off the tracks are.

    Raises:
        Unsolvable: hardly a track agrees with a camera that only turns.
    """
    square = SquarePicture.of(plate)
    lens = _first_lens(geometry, square, settings)
    seen = _still_sightings(tracks, geometry, square)
    found = _solved(seen, plate.frame_count, lens, square, progress)
    rests = _way_px(found.bundle, square) < _REST_PX
    if rests:
        found = _at_rest(found, seen, square)
    errors = turning_errors(found.bundle, seen, square.center)[_in_known_frame(found.bundle, seen)]
    off_px = float(np.median(errors)) / square.scale[1]
    words = _camera_in_words(rests, off_px, settings)
    return _solution(plate, square, found, (*words, *lens_in_words(found.bundle.lens, settings, plate)))


@dataclass(frozen=True)
class _Found:
    bundle: TurningBundle
    inliers: PointSightings
    spread: float  # of one coordinate of the errors, square pixels
    sigmas: LensSigmas  # for sightings that are off by one pixel

    @property
    def holds_focal(self) -> bool:
        lens = self.bundle.lens
        return is_plausible(lens.focal / LONG_SIDE, lens.k1) and self.focal_sigma < _HELD_FOCAL * lens.focal

    @property
    def focal_sigma(self) -> float:
        return self.sigmas.focal * self.spread


def _solved(seen: PointSightings, frame_count: int, lens: Lens, square: SquarePicture, progress: Progress) -> _Found:
    """With as much of the lens as the turn holds: focal length and k1, the focal length alone, or nothing."""

    def solve(lens: Lens) -> _Found:
        rotations, lens = first_turns(seen, frame_count, lens, square)
        return _refined(TurningBundle(rotations, lens, _directions(rotations, lens, seen, square)), seen, square)

    found = solve(replace(lens, k1=0.0, lock_k1=True) if lens.given is None else lens)
    progress(0.5)
    turns_enough = _way_px(found.bundle, square) > _LEAST_TURN * found.bundle.lens.focal
    if not lens.lock_focal and not (found.holds_focal and turns_enough):
        return solve(replace(lens, k1=0.0, lock_focal=True, lock_k1=True))
    if lens.lock_k1:
        return found
    bent = solve(lens)
    is_known = (lens.lock_focal or bent.holds_focal) and bent.sigmas.k1 * bent.spread < _HELD_K1
    return bent if is_known and found.spread > _NEEDED_GAIN * bent.spread else found


def _refined(bundle: TurningBundle, seen: PointSightings, square: SquarePicture) -> _Found:
    cutoff = max(_FIRST_PX, _SIGMAS * _spread(bundle, seen, square))
    for iterations in _ROUNDS:
        bundle, inliers = _select(bundle, seen, square, cutoff)
        loss = max(LOSS_PX, cutoff / _SIGMAS)
        some = _thinned(inliers, len(bundle.rotations))
        bundle, sigmas = adjust_turning(bundle, some, square.center, iterations, loss)
        cutoff = max(_SIGMAS * _spread(bundle, some, square), _LEAST_CUTOFF_PX)
    bundle, inliers = _select(bundle, seen, square, cutoff)
    return _Found(bundle, inliers, _spread(bundle, inliers, square), sigmas)


def _select(
    bundle: TurningBundle, seen: PointSightings, square: SquarePicture, cutoff: float
) -> tuple[TurningBundle, PointSightings]:
    """The bundle with the directions of all tracks that hold still in it, and the sightings that agree."""
    agree = _in_known_frame(bundle, seen)
    for gate in (2 * cutoff, cutoff):  # twice: one bad sighting turns the whole mean
        directions = _directions(bundle.rotations, bundle.lens, _kept(seen, agree), square, len(bundle.directions))
        bundle = replace(bundle, directions=directions)
        agree = turning_errors(bundle, seen, square.center) < gate
    count = len(bundle.directions)
    agreeing = np.bincount(seen.tracks[agree], minlength=count)
    in_all = np.bincount(seen.tracks[_in_known_frame(bundle, seen)], minlength=count)
    still = (agreeing >= _MIN_SIGHTINGS) & (agreeing >= _STILL_SHARE * in_all)
    agree &= still[seen.tracks]
    in_frame = np.bincount(seen.frames[agree], minlength=len(bundle.rotations)) >= _MIN_IN_FRAME
    agree &= in_frame[seen.frames]
    if still.sum() < _MIN_POINTS or in_frame.sum() < _MIN_FRAMES:
        raise Unsolvable(
            "too few tracked points agree with a camera that stays in one place",
            hint='use the mode "free" if the camera moves, or footage in which more of the picture stands still',
        )
    rotations = np.where(in_frame[:, None, None], bundle.rotations, np.nan)
    return replace(bundle, rotations=rotations), _kept(seen, agree)


def _thinned(seen: PointSightings, frame_count: int) -> PointSightings:
    """Every nth track, whole."""
    every = -(-len(seen.tracks) // (_ADJUSTED * frame_count))
    return _kept(seen, seen.tracks % max(1, every) == 0)


def _directions(
    rotations: Array, lens: Lens, seen: PointSightings, square: SquarePicture, count: int | None = None
) -> Array:
    """(N, 3) mean direction in world of each track's sightings in known frames; NaN where there is none."""
    count = int(seen.tracks.max()) + 1 if count is None else count
    known = np.isfinite(rotations[seen.frames, 0, 0])
    local = rays(seen.positions[known], lens, square)
    world = np.einsum("mji,mj->mi", rotations[seen.frames[known]], local)
    tracks = seen.tracks[known]
    total = np.stack([np.bincount(tracks, world[:, axis], minlength=count) for axis in range(3)], axis=1)
    length = np.linalg.norm(total, axis=1, keepdims=True)
    return np.asarray(np.where(length > 1e-6, total / np.maximum(length, 1e-6), np.nan))


def _first_lens(geometry: Geometry, square: SquarePicture, settings: SolveSettings) -> Lens:
    if geometry.intrinsics is None:
        usual = LONG_SIDE / 2 / np.tan(_USUAL_ANGLE / 2)
        geometry = replace(geometry, intrinsics=square.plate_intrinsics(np.array([usual])))
    return first_lens(geometry, square, settings)


def _still_sightings(tracks: Tracks, geometry: Geometry, square: SquarePicture) -> PointSightings:
    keep = np.ones(len(tracks.track_ids), bool)
    if geometry.static_tracks is not None:
        keep = geometry.static_tracks[tracks.track_ids]
    positions = square.from_plate(tracks.positions[keep])
    return PointSightings(tracks.frame_indices[keep], tracks.track_ids[keep], positions)


def _kept(seen: PointSightings, keep: Array) -> PointSightings:
    return PointSightings(seen.frames[keep], seen.tracks[keep], seen.positions[keep])


def _in_known_frame(bundle: TurningBundle, seen: PointSightings) -> Array:
    return np.asarray(np.isfinite(bundle.rotations[:, 0, 0])[seen.frames])


def _spread(bundle: TurningBundle, seen: PointSightings, square: SquarePicture) -> float:
    """Standard deviation of one coordinate of the errors, from their median, which outliers do not move."""
    errors = turning_errors(bundle, seen, square.center)[_in_known_frame(bundle, seen)]
    return float(np.median(errors) / 1.1774) if len(errors) else float("inf")


def _way_px(bundle: TurningBundle, square: SquarePicture) -> float:
    """How far the picture shifts at most from where it is in the first frame, roughly."""
    known = bundle.rotations[np.isfinite(bundle.rotations[:, 0, 0])]
    angles = Rotation.from_matrix(known @ known[0].T).magnitude()
    return float(angles.max() * max(bundle.lens.focal, LONG_SIDE / 2))  # a roll shows at the rim


def _at_rest(found: _Found, seen: PointSightings, square: SquarePicture) -> _Found:
    """The same with one rotation for all frames: what was found is the noise of the tracks."""
    known = np.isfinite(found.bundle.rotations[:, :1, :1])
    rotations = np.where(known, np.eye(3), np.nan)
    still = replace(found.bundle, rotations=rotations)
    cutoff = max(_SIGMAS * found.spread, _LEAST_CUTOFF_PX) + _REST_PX
    still, inliers = _select(still, seen, square, cutoff)
    return replace(found, bundle=still, inliers=inliers, spread=_spread(still, inliers, square))


def _camera_in_words(rests: bool, off_px: float, settings: SolveSettings) -> tuple[str, ...]:
    chosen = "as chosen" if settings.mode is ModeChoice.TRIPOD else "recognized by what the tracks share"
    how = "the camera rests" if rests else "the camera turns and stays in one place"
    return (
        f"{how}, {chosen}; tracks are off by {off_px:.2f} px in the median",
        "there is no parallax and so no depth: still points lie on a sphere around the camera",
    )


def _solution(plate: Plate, square: SquarePicture, found: _Found, words: tuple[str, ...]) -> Solution:
    bundle, inliers = found.bundle, found.inliers
    poses = np.full((plate.frame_count, 4, 4), np.nan)
    solved = np.isfinite(bundle.rotations[:, 0, 0])
    poses[solved] = np.eye(4)
    poses[solved, :3, :3] = bundle.rotations[solved]
    filled = fill_between(poses)
    known = np.isfinite(filled[:, 0, 0])
    status = np.full(plate.frame_count, FrameStatus.UNKNOWN, np.uint8)
    status[known] = FrameStatus.INTERPOLATED
    status[solved] = FrameStatus.SOLVED
    # The world is the first camera's: everything turns along with it.
    first = filled[known][0]
    used, numbers = np.unique(inliers.tracks, return_inverse=True)
    errors = turning_errors(bundle, inliers, square.center) / square.scale[1]
    median = np.full(plate.frame_count, np.nan, np.float32)
    for frame in np.flatnonzero(solved):
        median[frame] = np.median(errors[inliers.frames == frame])
    lens = bundle.lens
    straight = undistort_pixels(inliers.positions, square.intrinsics(lens.focal), lens.distortion)
    return Solution(
        camera_from_world=filled @ first.T,
        intrinsics=square.plate_intrinsics(np.full(plate.frame_count, lens.focal)),
        distortion=lens.distortion,
        status=status,
        reprojection_px=median,
        points=(RADIUS * bundle.directions[used] @ first[:3, :3].T).astype(np.float32),
        observations=np.column_stack([numbers, inliers.frames, square.to_plate(straight)]).astype(np.float32),
        mode=SolveMode.TRIPOD,
        median_px=float(np.median(errors)),
        mean_px=float(errors.mean()),
        focal_sigma_px=found.focal_sigma / square.scale[0],
        assumptions=words,
    )
