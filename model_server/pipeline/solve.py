"""The solve: cameras and lens at pixel accuracy, from first cameras of any engine and tracks of what stands still."""

from dataclasses import dataclass, replace

import numpy as np

from model_server.errors import Unsolvable
from model_server.geometry.cameras import inverse, transform
from model_server.geometry.lens import is_plausible, turning_radius, undistort, undistort_pixels
from model_server.geometry.shot import Array, FrameStatus, Geometry, Plate, Progress, Solution, SolveMode, Tracks
from model_server.geometry.square_picture import LONG_SIDE, SquarePicture
from model_server.pipeline.bundle import LOSS_PX, Bundle, Lens, adjust
from model_server.pipeline.lens_choice import first_lens, first_zoom, lens_in_words
from model_server.pipeline.resection import fill_between, resect
from model_server.pipeline.triangulation import PointSightings, ray_angles, residuals, triangulate
from model_server.settings import ModeChoice, SolveSettings

# Of each round: what is farther off than this, in square pixels, is left out; and how far it is worth adjusting.
_ROUNDS = ((6.0, 10), (3.0, 20), (2.0, 50))
# Before those, where the first cameras are an engine's guess: gates as wide as its errors, halved every round.
_ROUGH_PX, _WIDEST_PX, _ROUGH_ITERATIONS = 2.0, 200.0, 15
_GATE = 4.0  # times the median error of the first cameras
_ROUGH_LOSS = 0.25  # of the gate
_ROUGH_SIGHTINGS = 500  # in a frame, about: enough to start from
_SIGMAS = 4.0  # in later rounds: times the spread of the errors
_MIN_ANGLE = np.radians(0.5)  # rays closer than this hold no depth
_MIN_CUTOFF_PX = 0.5
_NEEDED_GAIN = 1.02  # k1 stays if leaving it out costs 2 % more, and k2 is taken
_K1_ROUND = 1  # after which a zoom may have distortion: its cameras are near, and little is left out yet
_HELD_SIGMA = 0.1  # of the focal length: known no better, it is not known
_MIN_SIGHTINGS = 3
_LEAST_SIGHTINGS = 2  # that a point must keep when frames are given up: one ray holds nothing
_MIN_POINTS, _MIN_FRAMES, _MIN_IN_FRAME = 20, 2, 8


def solve_cameras(
    plate: Plate, tracks: Tracks, geometry: Geometry, settings: SolveSettings, progress: Progress
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
    refined = _refined(start, seen, square, lambda done: progress(0.6 * done))
    if not lens.lock_focal and not _is_held(refined):
        # The shot does not hold its focal length, and left free it runs off and bends the path with it.
        if lens.zoom is not None:
            raise Unsolvable("the tracks do not hold a focal length for every frame", hint="solve with one: mode free")
        locked = replace(lens, k1=0.0, lock_focal=True, lock_k1=True)
        refined = _refined(replace(start, lens=locked), seen, square, lambda done: progress(0.6 + 0.4 * done))
    return _solution(plate, square, refined, settings)


@dataclass(frozen=True)
class _Refined:
    bundle: Bundle
    inliers: PointSightings
    spread: float  # of one coordinate of the errors, square pixels
    focal_sigma: float  # square pixels; NaN where the focal length is locked


def _refined(bundle: Bundle, seen: PointSightings, square: SquarePicture, progress: Progress) -> _Refined:
    lens, near = bundle.lens, _brought_near(bundle, seen, square)
    # What the way there has bent may leave good sightings out until the last round has straightened it.
    rounds = _ROUNDS if near is bundle else (*_ROUNDS, _ROUNDS[-1])
    bundle = near if lens.zoom is None else replace(near, lens=replace(near.lens, lock_k1=True))
    cutoff, sigma = _ROUNDS[0][0], float("nan")
    for done, (limit, iterations) in enumerate(rounds):
        cutoff = min(limit, cutoff)
        bundle, inliers = _select(bundle, seen, square, cutoff)
        bundle, sigma = _adjusted(bundle, inliers, square, iterations)
        if done == _K1_ROUND and lens.zoom is not None and not lens.lock_k1:
            bundle, sigma = _with_needed_k1(bundle, inliers, square, sigma)
        cutoff = max(_SIGMAS * _spread(bundle, inliers, square), _MIN_CUTOFF_PX)
        progress((done + 1) / (len(rounds) + 1))
    bundle, sigma = _without_needless_k1(bundle, inliers, square, sigma)
    if _needs_k2(bundle, inliers, square):
        bundle = replace(bundle, lens=replace(bundle.lens, lock_k2=False))
        for _ in range(2):  # what one coefficient can't explain was left out on the way here: it comes back
            bundle, sigma = _adjusted(bundle, inliers, square, _ROUNDS[-1][1])
            bundle, inliers = _select(bundle, seen, square, cutoff)
    bundle, inliers = _select(bundle, seen, square, cutoff)
    spread = _spread(bundle, inliers, square)
    return _Refined(bundle, inliers, spread, sigma * spread)


def _brought_near(bundle: Bundle, seen: PointSightings, square: SquarePicture) -> Bundle:
    """The bundle with its cameras within the reach of the first round: a network's are off by many pixels.

    Cameras that come from tracks pass as they are. All that is found here is the place to start from.

    Raises:
        Unsolvable: the tracks pull the cameras to where no lens is.
    """
    gate = min(_GATE * _first_error(bundle, seen, square), _WIDEST_PX)
    if gate <= _GATE * _ROUGH_PX:
        return bundle
    lens = bundle.lens
    seen = _thinned(seen, len(bundle.camera_from_world))
    rough = replace(bundle, lens=replace(lens, lock_k1=True))
    while gate > _ROUNDS[0][0]:
        rough, inliers = _select(rough, seen, square, gate)
        rough, _ = _adjusted(rough, inliers, square, _ROUGH_ITERATIONS, _ROUGH_LOSS * gate)
        if not lens.lock_focal and not is_plausible(rough.lens.focal / LONG_SIDE, 0.0):
            raise Unsolvable("the engine's cameras lead nowhere", hint="give the lens, or use the engine classical")
        gate /= 2
    return replace(rough, lens=replace(lens, focal=rough.lens.focal, zoom=rough.lens.zoom))


def _thinned(seen: PointSightings, frame_count: int) -> PointSightings:
    """Every nth track, whole."""
    every = -(-len(seen.tracks) // (_ROUGH_SIGHTINGS * frame_count))
    keep = seen.tracks % max(1, every) == 0
    return PointSightings(seen.frames[keep], seen.tracks[keep], seen.positions[keep])


def _first_error(bundle: Bundle, seen: PointSightings, square: SquarePicture) -> float:
    """Median distance in square pixels of all sightings to the points they triangulate to."""
    straight = _undistorted(seen, bundle.lens, square)
    intrinsics = _intrinsics(bundle, square)
    points = triangulate(straight, bundle.camera_from_world, intrinsics, len(bundle.points))
    known = np.isfinite(bundle.camera_from_world[:, 0, 0])[straight.frames]
    errors = residuals(straight, points, bundle.camera_from_world, intrinsics)[known]
    return float(np.median(errors)) if len(errors) else 0.0


def _is_held(refined: _Refined) -> bool:
    lens = refined.bundle.lens
    focals = lens.focals(len(refined.bundle.camera_from_world)) / LONG_SIDE
    plausible = is_plausible(focals.min(), lens.k1) and is_plausible(focals.max(), lens.k1)
    return plausible and refined.focal_sigma < _HELD_SIGMA * lens.focal


def _adjusted(
    bundle: Bundle, inliers: PointSightings, square: SquarePicture, iterations: int, loss_px: float = LOSS_PX
) -> tuple[Bundle, float]:
    if bundle.lens.given is not None:
        # Where it is given, distortion comes off first: the focal length that it depends on settles within the rounds.
        inliers = _undistorted(inliers, bundle.lens, square)
    return adjust(bundle, inliers, (square.width, square.height), iterations, loss_px)


def _without_needless_k1(
    bundle: Bundle, inliers: PointSightings, square: SquarePicture, sigma: float
) -> tuple[Bundle, float]:
    """The bundle with no distortion where that explains nearly as much: a needless term bends the scene."""
    if bundle.lens.lock_k1:
        return bundle, sigma
    straight = replace(bundle, lens=replace(bundle.lens, k1=0.0, lock_k1=True))
    straight, straight_sigma = _adjusted(straight, inliers, square, _ROUNDS[-1][1])
    if _cost(straight, inliers, square) > _NEEDED_GAIN * _cost(bundle, inliers, square):
        return bundle, sigma
    return straight, straight_sigma


def _with_needed_k1(
    bundle: Bundle, inliers: PointSightings, square: SquarePicture, sigma: float
) -> tuple[Bundle, float]:
    """A zoom's bundle, with distortion only where that explains more: on the way there k1 would take a zoom's part."""
    bent = replace(bundle, lens=replace(bundle.lens, lock_k1=False))
    bent, bent_sigma = _adjusted(bent, inliers, square, _ROUNDS[-1][1])
    if _cost(bundle, inliers, square) > _NEEDED_GAIN * _cost(bent, inliers, square):
        return bent, bent_sigma
    return bundle, sigma


def _needs_k2(bundle: Bundle, inliers: PointSightings, square: SquarePicture) -> bool:
    """Whether a second coefficient explains clearly more and folds nothing over; only where there is a first."""
    lens = bundle.lens
    if lens.k1 == 0.0 or lens.lock_k1 or lens.zoom is not None:
        return False
    bent, _ = _adjusted(replace(bundle, lens=replace(lens, lock_k2=False)), inliers, square, _ROUNDS[-1][1])
    corner = float(np.hypot(square.width, square.height)) / 2 / bent.lens.focal
    unfolded = undistort(np.array([corner, 0.0]), bent.lens.distortion)[0] < turning_radius(bent.lens.distortion)
    return bool(unfolded) and _cost(bundle, inliers, square) > _NEEDED_GAIN * _cost(bent, inliers, square)


def _cost(bundle: Bundle, inliers: PointSightings, square: SquarePicture) -> float:
    """What the adjustment minimizes: errors by Cauchy's loss."""
    return float(np.log1p((np.minimum(_errors(bundle, inliers, square), 1e3) / LOSS_PX) ** 2).mean())


def _start(geometry: Geometry, square: SquarePicture, settings: SolveSettings) -> tuple[Array, Lens]:
    poses = geometry.camera_from_world
    if poses is None or geometry.intrinsics is None or np.isfinite(poses[:, 0, 0]).sum() < _MIN_FRAMES:
        raise Unsolvable("the engine found no cameras", hint="use footage in which the camera moves past still things")
    lens = first_lens(geometry, square, settings)
    return poses, first_zoom(lens, geometry, square) if settings.mode is ModeChoice.ZOOM else lens


def _static_sightings(tracks: Tracks, geometry: Geometry, square: SquarePicture) -> PointSightings:
    positions = square.from_plate(tracks.positions)
    keep = np.ones(len(positions), bool)
    if geometry.static_tracks is not None:
        keep = geometry.static_tracks[tracks.track_ids]
    return PointSightings(tracks.frame_indices[keep], tracks.track_ids[keep], positions[keep])


def _intrinsics(bundle: Bundle, square: SquarePicture) -> Array:
    """(F, 3, 3) in square pixels."""
    return square.intrinsics(bundle.lens.focals(len(bundle.camera_from_world)))


def _undistorted(seen: PointSightings, lens: Lens, square: SquarePicture) -> PointSightings:
    focals = lens.focal if lens.zoom is None else lens.zoom[seen.frames]
    positions = undistort_pixels(seen.positions, square.intrinsics(focals), lens.distortion)
    return replace(seen, positions=positions)


def _select(
    bundle: Bundle, seen: PointSightings, square: SquarePicture, cutoff: float
) -> tuple[Bundle, PointSightings]:
    """The bundle with all points that its cameras can hold, more cameras from those, and the sightings that agree."""
    straight = _undistorted(seen, bundle.lens, square)
    intrinsics = _intrinsics(bundle, square)
    poses = bundle.camera_from_world
    points, agree = _points(straight, poses, intrinsics, cutoff, len(bundle.points))
    while not np.isfinite(poses).all():
        more = resect(straight, points, poses, intrinsics)
        if np.array_equal(np.isfinite(more), np.isfinite(poses)):
            break
        poses = more
        points, agree = _points(straight, poses, intrinsics, cutoff, len(bundle.points))
    in_frame = np.bincount(seen.frames[agree], minlength=len(poses))
    poses = np.where((in_frame >= _MIN_IN_FRAME)[:, None, None], poses, np.nan)
    agree &= np.isfinite(poses[:, 0, 0])[seen.frames]
    agree &= (np.bincount(seen.tracks[agree], minlength=len(points)) >= _LEAST_SIGHTINGS)[seen.tracks]
    if np.isfinite(points[:, 0]).sum() < _MIN_POINTS or np.isfinite(poses[:, 0, 0]).sum() < _MIN_FRAMES:
        raise Unsolvable(
            "too few tracked points agree with one camera path",
            hint="use footage in which more of the picture stands still, or give the lens",
        )
    kept = PointSightings(seen.frames[agree], seen.tracks[agree], seen.positions[agree])
    return Bundle(poses, bundle.lens, points), kept


def _points(
    straight: PointSightings, poses: Array, intrinsics: Array, cutoff: float, count: int
) -> tuple[Array, Array]:
    """(N, 3) points that at least three sightings and some parallax hold, NaN elsewhere; (M,) sightings that agree."""
    points = triangulate(straight, poses, intrinsics, count)
    agree = residuals(straight, points, poses, intrinsics) < 2 * cutoff
    # Once more without those that disagree: one bad sighting bends the whole linear fit.
    agreeing = PointSightings(straight.frames[agree], straight.tracks[agree], straight.positions[agree])
    points = triangulate(agreeing, poses, intrinsics, count)
    agree = residuals(straight, points, poses, intrinsics) < cutoff
    agreeing = PointSightings(straight.frames[agree], straight.tracks[agree], straight.positions[agree])
    held = np.bincount(agreeing.tracks, minlength=count) >= _MIN_SIGHTINGS
    held &= ray_angles(agreeing, points, poses) > _MIN_ANGLE
    points = np.where(held[:, None], points, np.nan)
    return points, agree & held[straight.tracks]


def _spread(bundle: Bundle, inliers: PointSightings, square: SquarePicture) -> float:
    """Standard deviation of one coordinate of the errors, from their median, which outliers do not move."""
    return float(np.median(_errors(bundle, inliers, square)) / 1.1774)


def _errors(bundle: Bundle, inliers: PointSightings, square: SquarePicture) -> Array:
    intrinsics = _intrinsics(bundle, square)
    straight = _undistorted(inliers, bundle.lens, square)
    return residuals(straight, bundle.points, bundle.camera_from_world, intrinsics)


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
    errors = _errors(bundle, inliers, square) / square.scale[1]
    straight = square.to_plate(_undistorted(inliers, bundle.lens, square).positions)
    median = np.full(plate.frame_count, np.nan, np.float32)
    for frame in np.nonzero(found)[0]:
        median[frame] = np.median(errors[inliers.frames == frame])
    focals = bundle.lens.focals(plate.frame_count)
    return Solution(
        camera_from_world=filled @ inverse(first),
        intrinsics=square.plate_intrinsics(focals),
        distortion=bundle.lens.distortion,
        status=status,
        reprojection_px=median,
        points=transform(first, bundle.points[used]).astype(np.float32),
        observations=np.column_stack([numbers, inliers.frames, straight]).astype(np.float32),
        median_px=float(np.median(errors)),
        mean_px=float(errors.mean()),
        focal_sigma_px=refined.focal_sigma / square.scale[0],
        mode=SolveMode.FREE if bundle.lens.zoom is None else SolveMode.ZOOM,
        assumptions=lens_in_words(bundle.lens, settings, plate),
    )
