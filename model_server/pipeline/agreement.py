"""Which points a bundle's cameras can hold, and which sightings agree with them."""

from dataclasses import replace

import numpy as np

from model_server.errors import Unsolvable
from model_server.geometry.lens import undistort_pixels
from model_server.geometry.shot import Array
from model_server.geometry.square_picture import SquarePicture
from model_server.geometry.triangulation import PointSightings, ray_angles, residuals, triangulate
from model_server.pipeline.bundle import LOSS_PX, Bundle, Lens
from model_server.pipeline.resection import resect

_MIN_ANGLE = np.radians(0.5)  # rays closer than this hold no depth
_MIN_SIGHTINGS = 3
_LEAST_SIGHTINGS = 2  # that a point must keep when frames are given up: one ray holds nothing
_MIN_POINTS, _MIN_FRAMES, _MIN_IN_FRAME = 20, 2, 8


def agreeing(
    bundle: Bundle, seen: PointSightings, square: SquarePicture, cutoff: float
) -> tuple[Bundle, PointSightings]:
    """The bundle with all points that its cameras can hold, more cameras from those, and the sightings that agree.

    Args:
        seen: square pixels, as the plate has them.
        cutoff: square pixels, beyond which a sighting does not agree.

    Raises:
        Unsolvable: too few agree for a camera path.
    """
    straight = undistorted(seen, bundle.lens, square)
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
    return Bundle(poses, bundle.lens, points), kept(seen, agree)


def kept(seen: PointSightings, keep: Array) -> PointSightings:
    """The sightings for which `keep`, (M,) bool, holds."""
    return PointSightings(seen.frames[keep], seen.tracks[keep], seen.positions[keep])


def undistorted(seen: PointSightings, lens: Lens, square: SquarePicture) -> PointSightings:
    """Sightings as the plate has them, square pixels, brought to where a lens without distortion would show them."""
    focals = lens.focal if lens.zoom is None else lens.zoom[seen.frames]
    positions = undistort_pixels(seen.positions, square.intrinsics(focals), lens.distortion)
    return replace(seen, positions=positions)


def errors(bundle: Bundle, seen: PointSightings, square: SquarePicture) -> Array:
    """(M,) distance of the sightings to the bundle's points, square pixels; infinite where either is unknown."""
    straight = undistorted(seen, bundle.lens, square)
    return residuals(straight, bundle.points, bundle.camera_from_world, _intrinsics(bundle, square))


def first_error(bundle: Bundle, seen: PointSightings, square: SquarePicture) -> float:
    """Median distance in square pixels of all sightings to the points they triangulate to."""
    straight = undistorted(seen, bundle.lens, square)
    intrinsics = _intrinsics(bundle, square)
    points = triangulate(straight, bundle.camera_from_world, intrinsics, len(bundle.points))
    known = np.isfinite(bundle.camera_from_world[:, 0, 0])[straight.frames]
    off = residuals(straight, points, bundle.camera_from_world, intrinsics)[known]
    return float(np.median(off)) if len(off) else 0.0


def spread(bundle: Bundle, inliers: PointSightings, square: SquarePicture) -> float:
    """Standard deviation of one coordinate of the errors, from their median, which outliers do not move."""
    return float(np.median(errors(bundle, inliers, square)) / 1.1774)


def cost(bundle: Bundle, inliers: PointSightings, square: SquarePicture) -> float:
    """What the adjustment minimizes: errors by Cauchy's loss."""
    return float(np.log1p((np.minimum(errors(bundle, inliers, square), 1e3) / LOSS_PX) ** 2).mean())


def thinned(seen: PointSightings, per_frame: int) -> PointSightings:
    """Whole tracks, so many that about `per_frame` are left in each frame, or all where there are fewer."""
    order = np.lexsort((_shuffled(seen.tracks), seen.frames))
    frames = seen.frames[order]
    rank = np.arange(len(order)) - np.searchsorted(frames, frames)
    chosen = np.zeros(int(seen.tracks.max()) + 1 if len(seen.tracks) else 0, bool)
    # A track that one frame needs fills others as well, so that a frame's own share is only half of the whole.
    chosen[seen.tracks[order[rank < per_frame // 2]]] = True
    return kept(seen, chosen[seen.tracks])


def _shuffled(tracks: Array) -> Array:
    """A number for each track that says nothing of its age: Knuth's multiplicative hash."""
    return (tracks.astype(np.uint64) * np.uint64(2654435761)) % np.uint64(1 << 32)


def _intrinsics(bundle: Bundle, square: SquarePicture) -> Array:
    """(F, 3, 3) in square pixels."""
    return square.intrinsics(bundle.lens.focals(len(bundle.camera_from_world)))


def _points(
    straight: PointSightings, poses: Array, intrinsics: Array, cutoff: float, count: int
) -> tuple[Array, Array]:
    """(N, 3) points that at least three sightings and some parallax hold, NaN elsewhere; (M,) sightings that agree."""
    points = triangulate(straight, poses, intrinsics, count)
    agree = residuals(straight, points, poses, intrinsics) < 2 * cutoff
    # Once more without those that disagree: one bad sighting bends the whole linear fit.
    points = triangulate(kept(straight, agree), poses, intrinsics, count)
    agree = residuals(straight, points, poses, intrinsics) < cutoff
    some = kept(straight, agree)
    held = np.bincount(some.tracks, minlength=count) >= _MIN_SIGHTINGS
    held &= ray_angles(some, points, poses) > _MIN_ANGLE
    points = np.where(held[:, None], points, np.nan)
    return points, agree & held[straight.tracks]
