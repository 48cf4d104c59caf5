"""The normal equations of a bundle adjustment with a focal length per frame; points are eliminated in chunks.

Unknowns of the cameras are, in this order: six numbers for each known camera (a small turn, then a shift, both in
camera axes), the logarithm of the focal length of every frame, and k1.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from scipy.linalg import LinAlgError, cho_factor, cho_solve
from scipy.spatial.transform import Rotation

from model_server.geometry.cameras import transform
from model_server.geometry.shot import Array
from model_server.geometry.triangulation import PointSightings

_CHUNK = 300  # points that are eliminated at once, which bounds the memory of a step
_NEAR = 1e-6  # of a camera's plane: what lies closer has no picture
_BEHIND_PX = 1e3  # the error of what lies behind the camera


@dataclass(frozen=True)
class ZoomBundle:
    """Cameras with their own focal lengths, and points that explain the sightings."""

    camera_from_world: Array  # (F, 4, 4); NaN where unknown
    focals: Array  # (F,) square pixels, all finite; where the camera is unknown they only follow their neighbors
    k1: float
    points: Array  # (N, 3); NaN where unknown

    def errors(self, sightings: PointSightings, center: Array) -> Array:
        """(M, 2) picture of the point minus sighting, pixels."""
        ray, shown, _ = _seen(self, sightings)
        return _misses(ray, shown, sightings, center)


@dataclass(frozen=True)
class Step:
    """What an adjustment adds: to the unknowns of the cameras, and to the points that have sightings."""

    cameras: Array  # (unknowns,)
    points: Array  # (points with sightings, 3)


@dataclass(frozen=True)
class _Chunk:
    """Points [first, last) and their sightings `rows`, with the unknowns `used` that those touch."""

    first: int
    last: int
    rows: slice
    used: Array  # (u,)
    places: Array  # (rows, 8) of each sighting's unknowns among the used ones


@dataclass(frozen=True)
class Layout:
    """Which unknown stands where; sightings are sorted by point, points by the frames that they are seen in."""

    sightings: PointSightings
    center: Array  # (2,) principal point, pixels
    frame_count: int
    known: Array  # indices of the frames with a camera
    columns: Array  # (F, 8) of each known frame's unknowns: turn, shift, focal length, k1
    point_ids: Array  # of the points with sightings
    starts: Array  # of their sightings; one more than there are points
    solved: Array  # indices of the unknowns that are not locked
    point_of: Array  # (M,) index into `point_ids`
    by_frame: tuple[Array, ...]  # the rows of each known frame
    chunks: tuple[_Chunk, ...]

    @classmethod
    def of(cls, bundle: ZoomBundle, sightings: PointSightings, center: Array, lock_k1: bool) -> "Layout":
        order, point_of = _by_point(sightings)
        ordered = PointSightings(sightings.frames[order], sightings.tracks[order], sightings.positions[order])
        poses = bundle.camera_from_world
        known = np.unique(sightings.frames)
        focal = 6 * len(known)
        columns = np.zeros((len(poses), 8), int)
        columns[known, :6] = np.arange(focal).reshape(-1, 6)
        columns[:, 6] = focal + np.arange(len(poses))
        columns[:, 7] = focal + len(poses)
        starts = np.searchsorted(point_of, np.arange(point_of[-1] + 2))
        solved = np.arange(focal + len(poses) + (0 if lock_k1 else 1))
        rows = np.argsort(ordered.frames, kind="stable")
        by_frame = tuple(np.split(rows, np.searchsorted(ordered.frames[rows], known[1:])))
        chunks = tuple(_chunks(columns[ordered.frames], starts))
        point_ids = ordered.tracks[starts[:-1]]
        return cls(ordered, center, len(poses), known, columns, point_ids, starts, solved, point_of, by_frame, chunks)

    @property
    def focal_columns(self) -> Array:
        return self.columns[:, 6]

    def equations(self, bundle: ZoomBundle, bending: Array, loss_px: float) -> "Equations":
        """Linearized at `bundle`, each sighting weighted by Cauchy's loss.

        Args:
            bending: (F, F) quadratic form on the logarithms of the focal lengths, in square pixels.
        """
        residuals, camera_slopes, point_slopes = _slopes(bundle, self.sightings, self.center)
        weights = 1 / np.sqrt(1 + (residuals**2).sum(1) / loss_px**2)
        residuals *= weights[:, None]
        camera_slopes *= weights[:, None, None]
        point_slopes *= weights[:, None, None]
        count = 6 * len(self.known) + self.frame_count + 1
        matrix, gradient = np.zeros((count, count)), np.zeros(count)
        for frame, rows in zip(self.known, self.by_frame):
            columns, slopes = self.columns[frame], camera_slopes[rows].reshape(-1, 8)
            matrix[np.ix_(columns, columns)] += slopes.T @ slopes
            gradient[columns] += slopes.T @ residuals[rows].ravel()
        focal = self.focal_columns
        matrix[np.ix_(focal, focal)] += bending
        gradient[focal] += bending @ np.log(bundle.focals)
        pulling = np.ascontiguousarray(np.swapaxes(point_slopes, 1, 2))
        squares, pulls = pulling @ point_slopes, (pulling @ residuals[:, :, None])[:, :, 0]
        first = self.starts[:-1]
        squares, pulls = np.add.reduceat(squares, first), np.add.reduceat(pulls, first)
        return Equations(self, matrix, gradient, pulling @ camera_slopes, squares, pulls)

    def moved(self, bundle: ZoomBundle, step: Step) -> ZoomBundle:
        poses, points = bundle.camera_from_world.copy(), bundle.points.copy()
        turns, shifts = np.split(step.cameras[: 6 * len(self.known)].reshape(-1, 6), 2, axis=1)
        poses[self.known, :3] = Rotation.from_rotvec(turns).as_matrix() @ poses[self.known, :3]
        poses[self.known, :3, 3] += shifts
        points[self.point_ids] += step.points
        focals = bundle.focals * np.exp(np.clip(step.cameras[self.focal_columns], -0.5, 0.5))
        return replace(
            bundle, camera_from_world=poses, focals=focals, k1=bundle.k1 + float(step.cameras[-1]), points=points
        )


def _by_point(sightings: PointSightings) -> tuple[Array, Array]:
    """(M,) the order of `Layout`, and (M,) the number of the point that each sighting then belongs to."""
    order = np.lexsort((sightings.frames, sightings.tracks))
    frames, tracks = sightings.frames[order], sightings.tracks[order]
    _, starts, inverse, lengths = np.unique(tracks, return_index=True, return_inverse=True, return_counts=True)
    # Points that the same frames see stand together, so that a chunk of them touches few unknowns.
    ranking = np.lexsort((frames[starts + lengths - 1], frames[starts]))
    rank = np.empty(len(ranking), int)
    rank[ranking] = np.arange(len(ranking))
    point_of = rank[inverse]
    again = np.argsort(point_of, kind="stable")
    return order[again], point_of[again]


def _chunks(columns: Array, starts: Array) -> Iterator[_Chunk]:
    """`columns` (M, 8) of the sightings' unknowns."""
    for first in range(0, len(starts) - 1, _CHUNK):
        last = min(first + _CHUNK, len(starts) - 1)
        rows = slice(int(starts[first]), int(starts[last]))
        used, places = np.unique(columns[rows], return_inverse=True)
        yield _Chunk(first, last, rows, used, places.reshape(-1, 8))


@dataclass(frozen=True)
class Equations:
    """Unknowns of the cameras against each other, of the points, and of one against the other."""

    layout: Layout
    matrix: Array  # (unknowns, unknowns)
    gradient: Array  # (unknowns,)
    mixed: Array  # (M, 3, 8) of each sighting: its point against its camera
    squares: Array  # (points, 3, 3)
    pulls: Array  # (points, 3)

    def step(self, damping: float) -> Step | None:
        """The step that Levenberg and Marquardt take; None where the equations do not hold one."""
        layout, solved = self.layout, self.layout.solved
        inverses = self._point_inverses(damping)
        matrix, gradient = self.reduced(inverses)
        matrix[np.diag_indices_from(matrix)] += damping * np.maximum(np.diagonal(self.matrix)[solved], 1e-9)
        try:
            found = cho_solve(cho_factor(matrix, check_finite=False), -gradient, check_finite=False)
        except LinAlgError:
            return None
        cameras = np.zeros(len(self.gradient))
        cameras[solved] = found
        through = np.einsum("mij,mj->mi", self.mixed, cameras[layout.columns[layout.sightings.frames]])
        back = self.pulls + np.add.reduceat(through, layout.starts[:-1])
        return Step(cameras, -np.einsum("nij,nj->ni", inverses, back))

    def focal_covariance(self) -> Array:
        """(F, F) of the logarithms of the focal lengths for errors of one pixel.

        The gauge is free: where the world lies does not touch the focal lengths, so a touch of damping may hold it.

        Raises:
            LinAlgError: the sightings do not hold the focal lengths.
        """
        matrix, _ = self.reduced(self._point_inverses(0.0))
        scale = 1 / np.sqrt(np.maximum(np.diagonal(matrix), 1e-12))
        matrix *= np.outer(scale, scale)
        matrix[np.diag_indices_from(matrix)] += 1e-9
        columns = self.layout.focal_columns
        unit = np.zeros((len(matrix), len(columns)))
        unit[columns, np.arange(len(columns))] = scale[columns]
        factor = cho_factor(matrix, check_finite=False)
        return np.asarray(cho_solve(factor, unit, check_finite=False)[columns] * scale[columns][:, None])

    def reduced(self, point_inverses: Array) -> tuple[Array, Array]:
        """Matrix and gradient of what is not locked, with the points eliminated (Schur's complement)."""
        layout = self.layout
        matrix, gradient = self.matrix.copy(), self.gradient.copy()
        roots = np.ascontiguousarray(np.swapaxes(np.linalg.cholesky(point_inverses), 1, 2))
        turned = roots[layout.point_of] @ self.mixed
        pulled = np.einsum("nij,nj->ni", roots, self.pulls)
        for chunk in layout.chunks:
            inside = layout.point_of[chunk.rows] - chunk.first
            block = np.zeros((chunk.last - chunk.first, 3, len(chunk.used)))
            axes = np.arange(3)[:, None]
            block[inside[:, None, None], axes, chunk.places[:, None]] = turned[chunk.rows]
            # Every sighting of a point adds to k1, the last column; all other columns are a sighting's own.
            first = layout.starts[chunk.first : chunk.last] - chunk.rows.start
            block[:, :, -1] = np.add.reduceat(turned[chunk.rows, :, 7], first)
            flat = block.reshape(-1, len(chunk.used))
            matrix[np.ix_(chunk.used, chunk.used)] -= flat.T @ flat
            gradient[chunk.used] -= flat.T @ pulled[chunk.first : chunk.last].ravel()
        solved = layout.solved
        return matrix[np.ix_(solved, solved)], gradient[solved]

    def _point_inverses(self, damping: float) -> Array:
        squares = self.squares.copy()
        diagonal = np.einsum("nii->ni", squares)
        diagonal += np.maximum(damping * diagonal, 1e-9 * diagonal.max(axis=1, keepdims=True) + 1e-15)
        return np.asarray(np.linalg.inv(squares))


def _seen(bundle: ZoomBundle, sightings: PointSightings) -> tuple[Array, Array, Array]:
    """(M, 3) places of the points in the cameras, (M, 2) their pictures from the center, and how much k1 bends them."""
    in_camera = transform(bundle.camera_from_world[sightings.frames], bundle.points[sightings.tracks])
    rays = in_camera[:, :2] / np.where(in_camera[:, 2:] > _NEAR, in_camera[:, 2:], 1.0)
    bent = 1 + bundle.k1 * (rays**2).sum(1)
    return in_camera, rays * (bent * bundle.focals[sightings.frames])[:, None], bent


def _misses(in_camera: Array, shown: Array, sightings: PointSightings, center: Array) -> Array:
    return np.where(in_camera[:, 2:] > _NEAR, shown + center - sightings.positions, _BEHIND_PX)


def _slopes(bundle: ZoomBundle, sightings: PointSightings, center: Array) -> tuple[Array, Array, Array]:
    """(M, 2) residuals, and their slopes (M, 2, 8) by the camera's unknowns and (M, 2, 3) by the point."""
    frames = sightings.frames
    in_camera, shown, bent = _seen(bundle, sightings)
    ahead = in_camera[:, 2] > _NEAR
    depth = np.where(ahead, in_camera[:, 2], 1.0)
    rays, focals = in_camera[:, :2] / depth[:, None], bundle.focals[frames]
    by_place = np.empty((len(frames), 2, 3))
    by_place[:, :, :2] = 2 * bundle.k1 * rays[:, :, None] * rays[:, None, :]
    by_place[:, [0, 1], [0, 1]] += bent[:, None]
    by_place[:, :, 2] = -(by_place[:, :, :2] @ rays[:, :, None])[:, :, 0]
    by_place *= (focals / depth * ahead)[:, None, None]
    slopes = np.empty((len(frames), 2, 8))
    # A small turn w moves the point p in the camera by w x p, and a . (w x p) = (p x a) . w.
    slopes[:, :, :3] = np.cross(in_camera[:, None, :], by_place)
    slopes[:, :, 3:6] = by_place
    slopes[:, :, 6] = shown * ahead[:, None]
    slopes[:, :, 7] = rays * (focals * (rays**2).sum(1) * ahead)[:, None]
    by_point = by_place @ bundle.camera_from_world[frames, :3, :3]
    return _misses(in_camera, shown, sightings, center), slopes, by_point
