"""The normal equations of a bundle adjustment with a focal length per frame; points are eliminated in chunks.

Unknowns of the cameras are, in this order: six numbers for each known camera (a small turn, then a shift, both in
camera axes), the logarithm of the focal length of every frame, and k1.
"""

from dataclasses import dataclass, replace

import numpy as np
from scipy.linalg import LinAlgError, cho_factor, cho_solve
from scipy.spatial.transform import Rotation

from model_server.geometry.cameras import transform
from model_server.geometry.shot import Array
from model_server.pipeline.triangulation import PointSightings

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
class Layout:
    """Which unknown stands where; sightings are sorted by point."""

    sightings: PointSightings
    center: Array  # (2,) principal point, pixels
    frame_count: int
    known: Array  # indices of the frames with a camera
    columns: Array  # (F, 8) of each known frame's unknowns: turn, shift, focal length, k1
    point_ids: Array  # of the points with sightings, ascending
    starts: Array  # of their sightings; one more than there are points
    solved: Array  # indices of the unknowns that are not locked

    @classmethod
    def of(cls, bundle: ZoomBundle, sightings: PointSightings, center: Array, lock_k1: bool) -> "Layout":
        order = np.lexsort((sightings.frames, sightings.tracks))
        ordered = PointSightings(sightings.frames[order], sightings.tracks[order], sightings.positions[order])
        poses = bundle.camera_from_world
        known = np.unique(sightings.frames)
        focal = 6 * len(known)
        columns = np.zeros((len(poses), 8), int)
        columns[known, :6] = np.arange(focal).reshape(-1, 6)
        columns[:, 6] = focal + np.arange(len(poses))
        columns[:, 7] = focal + len(poses)
        point_ids, starts = np.unique(ordered.tracks, return_index=True)
        solved = np.arange(focal + len(poses) + (0 if lock_k1 else 1))
        starts = np.append(starts, len(ordered.tracks))
        return cls(ordered, center, len(poses), known, columns, point_ids, starts, solved)

    @property
    def focal_columns(self) -> Array:
        return self.columns[:, 6]

    def equations(self, bundle: ZoomBundle, bending: Array, loss_px: float) -> "Equations":
        """Linearized at `bundle`, each sighting weighted by Cauchy's loss.

        Args:
            bending: (F, F) quadratic form on the logarithms of the focal lengths, in square pixels.
        """
        residuals, camera_slopes, point_slopes = _slopes(bundle, self.sightings, self.center)
        weights = 1 / (1 + (residuals**2).sum(1) / loss_px**2)
        count = 6 * len(self.known) + self.frame_count + 1
        matrix, gradient = np.zeros((count, count)), np.zeros(count)
        weighted = camera_slopes * weights[:, None, None]
        mixed = np.swapaxes(point_slopes, 1, 2) @ weighted
        for frame in self.known:
            rows, columns = self.sightings.frames == frame, self.columns[frame]
            slopes = weighted[rows].reshape(-1, 8)
            matrix[np.ix_(columns, columns)] += slopes.T @ camera_slopes[rows].reshape(-1, 8)
            gradient[columns] += slopes.T @ residuals[rows].ravel()
        focal = self.focal_columns
        matrix[np.ix_(focal, focal)] += bending
        gradient[focal] += bending @ np.log(bundle.focals)
        pulling = np.swapaxes(point_slopes * weights[:, None, None], 1, 2)
        squares, pulls = pulling @ point_slopes, (pulling @ residuals[:, :, None])[:, :, 0]
        first = self.starts[:-1]
        return Equations(self, matrix, gradient, mixed, np.add.reduceat(squares, first), np.add.reduceat(pulls, first))

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
        columns = layout.columns[layout.sightings.frames]
        roots = np.linalg.cholesky(point_inverses)
        point_of = np.repeat(np.arange(len(layout.point_ids)), np.diff(layout.starts))
        turned = np.swapaxes(roots, 1, 2)[point_of] @ self.mixed
        pulled = np.einsum("nji,nj->ni", roots, self.pulls)
        for first in range(0, len(layout.point_ids), _CHUNK):
            last = min(first + _CHUNK, len(layout.point_ids))
            rows = slice(layout.starts[first], layout.starts[last])
            used, where = np.unique(columns[rows], return_inverse=True)
            block = np.zeros((last - first, len(used), 3))
            inside = (point_of[rows] - first)[:, None]
            block[inside, where.reshape(-1, 8)] = np.swapaxes(turned[rows], 1, 2)
            # Every sighting of a point adds to k1, the last column; all other columns are a sighting's own.
            block[:, -1] = np.add.reduceat(turned[rows, :, 7], layout.starts[first:last] - layout.starts[first])
            flat = np.swapaxes(block, 1, 2).reshape(-1, len(used))
            matrix[np.ix_(used, used)] -= flat.T @ flat
            gradient[used] -= flat.T @ pulled[first:last].ravel()
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
