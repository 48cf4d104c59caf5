"""The solve: cameras and lens at pixel accuracy, from first cameras of any engine and tracks of what stands still."""

from dataclasses import dataclass, replace

import numpy as np

from model_server.errors import Unsolvable
from model_server.geometry.cameras import inverse, transform
from model_server.geometry.lens import is_plausible, turning_radius, undistort
from model_server.geometry.shot import Array, FrameStatus, Geometry, Plate, Progress, Solution, SolveMode, Tracks
from model_server.geometry.square_picture import LONG_SIDE, SquarePicture
from model_server.geometry.triangulation import PointSightings
from model_server.pipeline.agreement import agreeing, cost, errors, first_error, kept, spread, thinned, undistorted
from model_server.pipeline.bundle import LOSS_PX, Bundle, Lens, adjust, focal_sigma
from model_server.pipeline.focal_uncertainty import focal_uncertainty
from model_server.pipeline.lens_choice import first_lens, first_zoom, lens_in_words
from model_server.pipeline.resection import fill_between
from model_server.settings import ModeChoice, SolveSettings

_SIGHTINGS = 400  # in a frame, about, that all rounds but the last are made with
# Before those, where the first cameras are an engine's guess: gates as wide as its errors, halved every round.
_ROUGH_PX, _WIDEST_PX, _ROUGH_ITERATIONS = 2.0, 200.0, 15
_GATE = 4.0  # times the median error of the first cameras
_ROUGH_LOSS = 0.25  # of the gate
_SIGMAS = 4.0  # in later rounds: times the spread of the errors
# Times the spread of the errors: there Cauchy's loss is at its best (P. Holland, R. Welsch, "Robust regression using
# iteratively reweighted least-squares", 1977). With a wider one a few tracks that slip bend a lens that is weakly held.
_FITTING_LOSS = 2.385
_MIN_CUTOFF_PX = 1.0  # a lens that breathes, or a shutter that rolls, is off by as much where tracks are exact
_LEFT_OUT_ITERATIONS = 10  # without a part of the tracks, from where all of them led
_NEEDED_GAIN = 1.02  # k1 stays if leaving it out costs 2 % more, and k2 is taken
_K1_ROUND = 1  # after which a zoom may have distortion: its cameras are near, and little is left out yet
_HELD_SIGMA = 0.1  # of the focal length: known no better, it is not known
_MIN_FRAMES = 2


@dataclass(frozen=True)
class Effort:
    """How far a solve goes."""

    # Of each round: what is farther off than this, in square pixels, is left out; and how far it is worth adjusting.
    rounds: tuple[tuple[float, int], ...]
    last_iterations: int  # of the last rounds, in which all tracks have a word
    to_the_end: bool  # with a loss as wide as the noise, and with how well the focal length is known

    @property
    def most_iterations(self) -> int:
        return max(iterations for _, iterations in self.rounds)


THOROUGH = Effort(((6.0, 10), (3.0, 20), (2.0, 50)), 50, to_the_end=True)
# Not to the end of the way, but that far that one can see where it leads.
GLANCE = Effort(((6.0, 10), (3.0, 15)), 10, to_the_end=False)


def solve_cameras(
    plate: Plate,
    tracks: Tracks,
    geometry: Geometry,
    settings: SolveSettings,
    progress: Progress,
    effort: Effort = THOROUGH,
) -> Solution:
    """Refine an engine's cameras on tracks: triangulate, adjust, drop what does not fit, and again.

    Args:
        geometry: needs `camera_from_world` and `intrinsics`; frames that are NaN are searched for.

    Returns:
        Cameras of all frames; those that could not be found are interpolated and marked so.

    Raises:
        Unsolvable: too few tracks agree with any camera path.
    """
    square = SquarePicture.of(plate)
    poses, lens = _start(geometry, square, settings)
    seen = _static_sightings(tracks, geometry, square)
    start = Bundle(poses, lens, np.full((tracks.track_count, 3), np.nan))
    refined = _refined(start, seen, square, effort, lambda done: progress(0.6 * done))
    if not lens.lock_focal and not _is_held(refined):
        # The shot does not hold its focal length, and left free it runs off and bends the path with it.
        if lens.zoom is not None:
            raise Unsolvable("the tracks do not hold a focal length for every frame", hint="solve with one: mode free")
        locked = replace(lens, k1=0.0, lock_focal=True, lock_k1=True)
        start = replace(start, lens=locked)
        refined = _refined(start, seen, square, effort, lambda done: progress(0.6 + 0.4 * done))
    if effort.to_the_end and lens.zoom is None and not refined.bundle.lens.lock_focal:
        refined = _measured(refined, square)
    return _solution(plate, square, refined, settings)


@dataclass(frozen=True)
class _Refined:
    bundle: Bundle
    inliers: PointSightings
    focal_sigma: float  # square pixels; NaN where the focal length is locked; by the covariance, until it is measured


def _refined(
    bundle: Bundle, seen: PointSightings, square: SquarePicture, effort: Effort, progress: Progress
) -> _Refined:
    lens, some = bundle.lens, thinned(seen, _SIGHTINGS)
    near = _brought_near(bundle, some, square)
    # What the way there has bent may leave good sightings out until the last round has straightened it.
    rounds = effort.rounds if near is bundle else (*effort.rounds, effort.rounds[-1])
    bundle = near if lens.zoom is None else replace(near, lens=replace(near.lens, lock_k1=True))
    cutoff, most = rounds[0][0], effort.most_iterations
    for done, (limit, iterations) in enumerate(rounds):
        cutoff = min(limit, cutoff)
        bundle, inliers = agreeing(bundle, some, square, cutoff)
        bundle = _adjusted(bundle, inliers, square, iterations)
        if done == _K1_ROUND and lens.zoom is not None and not lens.lock_k1:
            bundle = _with_needed_k1(bundle, inliers, square, most)
        cutoff = max(_SIGMAS * spread(bundle, inliers, square), _MIN_CUTOFF_PX)
        progress((done + 1) / (len(rounds) + 2))
    bundle = _without_needless_k1(bundle, inliers, square, most)
    if _needs_k2(bundle, inliers, square, most):
        bundle = _adjusted(replace(bundle, lens=replace(bundle.lens, lock_k2=False)), inliers, square, most)
        # What one coefficient can't explain was left out on the way here: it comes back.
        bundle, inliers = agreeing(bundle, some, square, cutoff)
        bundle = _adjusted(bundle, inliers, square, most)
    bundle, inliers = agreeing(bundle, seen, square, cutoff)
    # What modes are chosen by stays as it was measured: with the narrower loss a zoom by 4 % passed for none.
    end = _fitted if effort.to_the_end else _adjusted
    bundle = end(bundle, inliers, square, effort.last_iterations)
    cutoff = max(_SIGMAS * spread(bundle, inliers, square), _MIN_CUTOFF_PX)
    bundle, inliers = agreeing(bundle, seen, square, cutoff)
    if effort.to_the_end and bundle.lens.zoom is None:  # again, as errors are less now; of a zoom it takes too long
        bundle = _fitted(bundle, inliers, square, effort.last_iterations)
    straight = inliers if bundle.lens.given is None else undistorted(inliers, bundle.lens, square)
    sigma = focal_sigma(bundle, straight, (square.width, square.height))
    return _Refined(bundle, inliers, sigma * spread(bundle, inliers, square))


def _fitted(bundle: Bundle, inliers: PointSightings, square: SquarePicture, iterations: int) -> Bundle:
    """Adjusted with a loss as wide as the noise."""
    loss_px = min(LOSS_PX, _FITTING_LOSS * spread(bundle, inliers, square))
    return _adjusted(bundle, inliers, square, iterations, loss_px)


def _measured(refined: _Refined, square: SquarePicture) -> _Refined:
    """With what is known of the focal length for certain."""

    def focal(sightings: PointSightings) -> float:
        return _fitted(refined.bundle, sightings, square, _LEFT_OUT_ITERATIONS).lens.focal

    return replace(refined, focal_sigma=focal_uncertainty(refined.inliers, focal))


def _brought_near(bundle: Bundle, seen: PointSightings, square: SquarePicture) -> Bundle:
    """The bundle with its cameras within the reach of the first round: a network's are off by many pixels.

    Cameras that come from tracks pass as they are. All that is found here is the place to start from.

    Raises:
        Unsolvable: the tracks pull the cameras to where no lens is.
    """
    gate = min(_GATE * first_error(bundle, seen, square), _WIDEST_PX)
    if gate <= _GATE * _ROUGH_PX:
        return bundle
    lens = bundle.lens
    rough = replace(bundle, lens=replace(lens, lock_k1=True))
    while gate > THOROUGH.rounds[0][0]:
        rough, inliers = agreeing(rough, seen, square, gate)
        rough = _adjusted(rough, inliers, square, _ROUGH_ITERATIONS, _ROUGH_LOSS * gate)
        if not lens.lock_focal and not is_plausible(rough.lens.focal / LONG_SIDE, 0.0):
            raise Unsolvable("the engine's cameras lead nowhere", hint="give the lens, or use the engine classical")
        gate /= 2
    return replace(rough, lens=replace(lens, focal=rough.lens.focal, zoom=rough.lens.zoom))


def _is_held(refined: _Refined) -> bool:
    lens = refined.bundle.lens
    focals = lens.focals(len(refined.bundle.camera_from_world)) / LONG_SIDE
    plausible = is_plausible(focals.min(), lens.k1) and is_plausible(focals.max(), lens.k1)
    return plausible and refined.focal_sigma < _HELD_SIGMA * lens.focal


def _adjusted(
    bundle: Bundle, inliers: PointSightings, square: SquarePicture, iterations: int, loss_px: float = LOSS_PX
) -> Bundle:
    if bundle.lens.given is not None:
        # Where it is given, distortion comes off first: the focal length that it depends on settles within the rounds.
        inliers = undistorted(inliers, bundle.lens, square)
    return adjust(bundle, inliers, (square.width, square.height), iterations, loss_px)


def _without_needless_k1(bundle: Bundle, inliers: PointSightings, square: SquarePicture, iterations: int) -> Bundle:
    """The bundle with no distortion where that explains nearly as much: a needless term bends the scene."""
    if bundle.lens.lock_k1:
        return bundle
    straight = replace(bundle, lens=replace(bundle.lens, k1=0.0, lock_k1=True))
    straight = _adjusted(straight, inliers, square, iterations)
    needed = cost(straight, inliers, square) > _NEEDED_GAIN * cost(bundle, inliers, square)
    return bundle if needed else straight


def _with_needed_k1(bundle: Bundle, inliers: PointSightings, square: SquarePicture, iterations: int) -> Bundle:
    """A zoom's bundle, with distortion only where that explains more: on the way there k1 would take a zoom's part."""
    bent = replace(bundle, lens=replace(bundle.lens, lock_k1=False))
    bent = _adjusted(bent, inliers, square, iterations)
    needed = cost(bundle, inliers, square) > _NEEDED_GAIN * cost(bent, inliers, square)
    return bent if needed else bundle


def _needs_k2(bundle: Bundle, inliers: PointSightings, square: SquarePicture, iterations: int) -> bool:
    """Whether a second coefficient explains clearly more and folds nothing over; only where there is a first."""
    lens = bundle.lens
    if lens.k1 == 0.0 or lens.lock_k1 or lens.zoom is not None:
        return False
    bent = _adjusted(replace(bundle, lens=replace(lens, lock_k2=False)), inliers, square, iterations)
    corner = float(np.hypot(square.width, square.height)) / 2 / bent.lens.focal
    unfolded = undistort(np.array([corner, 0.0]), bent.lens.distortion)[0] < turning_radius(bent.lens.distortion)
    return bool(unfolded) and cost(bundle, inliers, square) > _NEEDED_GAIN * cost(bent, inliers, square)


def _start(geometry: Geometry, square: SquarePicture, settings: SolveSettings) -> tuple[Array, Lens]:
    poses = geometry.camera_from_world
    if poses is None or geometry.intrinsics is None or np.isfinite(poses[:, 0, 0]).sum() < _MIN_FRAMES:
        raise Unsolvable("the engine found no cameras", hint="use footage in which the camera moves past still things")
    lens = first_lens(geometry, square, settings)
    return poses, first_zoom(lens, geometry, square) if settings.mode is ModeChoice.ZOOM else lens


def _static_sightings(tracks: Tracks, geometry: Geometry, square: SquarePicture) -> PointSightings:
    positions = square.from_plate(tracks.positions)
    seen = PointSightings(tracks.frame_indices, tracks.track_ids, positions)
    return seen if geometry.static_tracks is None else kept(seen, geometry.static_tracks[tracks.track_ids])


def _solution(plate: Plate, square: SquarePicture, refined: _Refined, settings: SolveSettings) -> Solution:
    bundle, inliers = refined.bundle, refined.inliers
    poses = bundle.camera_from_world
    found = np.isfinite(poses[:, 0, 0])
    filled = fill_between(poses)
    status = np.full(plate.frame_count, FrameStatus.UNKNOWN, np.uint8)
    status[np.isfinite(filled[:, 0, 0])] = FrameStatus.INTERPOLATED
    status[found] = FrameStatus.SOLVED
    # The world is the first camera's: everything moves along with it.
    first = filled[np.isfinite(filled[:, 0, 0])][0]
    used, numbers = np.unique(inliers.tracks, return_inverse=True)
    off = errors(bundle, inliers, square) / square.scale[1]
    straight = square.to_plate(undistorted(inliers, bundle.lens, square).positions)
    median = np.full(plate.frame_count, np.nan, np.float32)
    for frame in np.nonzero(found)[0]:
        median[frame] = np.median(off[inliers.frames == frame])
    focals = bundle.lens.focals(plate.frame_count)
    return Solution(
        camera_from_world=filled @ inverse(first),
        intrinsics=square.plate_intrinsics(focals),
        distortion=bundle.lens.distortion,
        status=status,
        reprojection_px=median,
        points=transform(first, bundle.points[used]).astype(np.float32),
        observations=np.column_stack([numbers, inliers.frames, straight]).astype(np.float32),
        median_px=float(np.median(off)),
        mean_px=float(off.mean()),
        focal_sigma_px=refined.focal_sigma / square.scale[0],
        mode=SolveMode.FREE if bundle.lens.zoom is None else SolveMode.ZOOM,
        assumptions=lens_in_words(bundle.lens, settings, plate),
    )
