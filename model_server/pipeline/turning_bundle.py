"""Bundle adjustment of a camera that only turns: rotations, directions of points and one lens.

The motion is found by Levenberg and Marquardt's method with a robust loss; directions are eliminated first (Triggs et
al., "Bundle adjustment, a modern synthesis", 2000), which leaves a small dense system for the cameras and the lens.
"""

from dataclasses import dataclass, replace

import numpy as np
from scipy.sparse import coo_matrix, csr_matrix
from scipy.spatial.transform import Rotation

from model_server.geometry.lens import Distortion
from model_server.geometry.shot import Array
from model_server.geometry.triangulation import PointSightings
from model_server.pipeline.bundle import LOSS_PX, Lens

_NEAR = 1e-3  # of a unit ray: nearer to the camera's own plane than this, nothing is seen
_FIRST_DAMPING, _MOST_DAMPING = 1e-6, 1e6
_COLUMNS = 4096  # at a time, which keeps memory small
_ENOUGH = 1e-6  # relative gain, below which the adjustment has arrived


@dataclass(frozen=True)
class TurningBundle:
    """What explains the sightings of a camera that stays in one place."""

    rotations: Array  # (F, 3, 3) camera from world; NaN where unknown
    lens: Lens
    directions: Array  # (N, 3) unit vectors in world; NaN where unknown


@dataclass(frozen=True)
class LensSigmas:
    """One standard deviation where every coordinate is off by one pixel; NaN = locked."""

    focal: float
    k1: float


def adjust_turning(
    bundle: TurningBundle, sightings: PointSightings, center: Array, iterations: int, loss_px: float = LOSS_PX
) -> tuple[TurningBundle, LensSigmas]:
    """Refine rotations, directions and what is not locked of the lens.

    Args:
        sightings: square pixels as the plate has them (distorted), only of frames and points that `bundle` knows.
        center: (2,) the principal point.
        loss_px: residuals beyond about this count less (Cauchy).
    """
    problem = _Problem(bundle, sightings, center, loss_px)
    damping, error = _FIRST_DAMPING, problem.cost(bundle)
    for _ in range(iterations):
        system = problem.system(bundle)
        while damping < _MOST_DAMPING:
            trial = problem.moved(bundle, *system.step(damping))
            new = problem.cost(trial)
            if new < error:
                break
            damping *= 10
        else:
            break
        arrived = error - new < _ENOUGH * error
        bundle, error, damping = trial, new, max(damping / 10, 1e-9)
        if arrived:
            break
    return bundle, problem.system(bundle).lens_sigmas()


def turning_errors(bundle: TurningBundle, sightings: PointSightings, center: Array) -> Array:
    """(M,) distance in pixels; infinite behind the camera and where the point or the camera is unknown."""
    rays = np.einsum("mij,mj->mi", bundle.rotations[sightings.frames], bundle.directions[sightings.tracks])
    distance = np.linalg.norm(_pixels(rays, bundle.lens, center) - sightings.positions, axis=1)
    return np.where(np.isfinite(distance) & (rays[:, 2] > _NEAR), distance, np.inf)


class _Problem:
    """The sightings with frames and points numbered without gaps."""

    def __init__(self, bundle: TurningBundle, sightings: PointSightings, center: Array, loss_px: float) -> None:
        self._sightings, self._center, self._loss = sightings, center, loss_px
        self._frames, self._frame = np.unique(sightings.frames, return_inverse=True)
        self._tracks, self._track = np.unique(sightings.tracks, return_inverse=True)
        lens = bundle.lens
        self._free = [name for name, locked in (("focal", lens.lock_focal), ("k1", lens.lock_k1)) if not locked]

    def cost(self, bundle: TurningBundle) -> float:
        errors = turning_errors(bundle, self._sightings, self._center)
        return float(np.log1p((np.minimum(errors, 1e9) / self._loss) ** 2).sum())

    def system(self, bundle: TurningBundle) -> "_System":
        """The linearized problem: columns are three turns a frame, then the lens; two slopes a direction."""
        lens, count = bundle.lens, len(self._frame)
        rotations = bundle.rotations[self._sightings.frames]
        rays = np.einsum("mij,mj->mi", rotations, bundle.directions[self._sightings.tracks])
        flat = rays[:, :2] / rays[:, 2:]
        r2 = (flat**2).sum(1)
        grown, slope = _growth(r2, lens.distortion)
        residual = self._sightings.positions - (flat * grown[:, None] * lens.focal + self._center)
        weight = np.sqrt(1 / (1 + (residual**2).sum(1) / self._loss**2))
        bend = grown[:, None, None] * np.eye(2) + 2 * slope[:, None, None] * flat[:, :, None] * flat[:, None]
        onto = np.zeros((count, 2, 3))
        onto[:, 0, 0] = onto[:, 1, 1] = 1 / rays[:, 2]
        onto[:, :, 2] = -flat / rays[:, 2:]
        by_ray = (weight * lens.focal)[:, None, None] * (bend @ onto)
        by_turn = -by_ray @ _cross(rays)
        by_slope = by_ray @ rotations @ self._tangents(bundle)[self._track]
        by_lens = {"focal": flat * grown[:, None], "k1": lens.focal * flat * r2[:, None]}
        shared = [weight[:, None] * by_lens[name] for name in self._free]
        turn_columns, width = 3 * self._frame[:, None] + np.arange(3), 3 * len(self._frames) + len(shared)
        lens_columns = np.broadcast_to(np.arange(width - len(shared), width), (count, len(shared)))
        cameras = _rows(
            np.concatenate([by_turn, *(part[:, :, None] for part in shared)], axis=2),
            np.concatenate([turn_columns, lens_columns], axis=1),
            width,
        )
        points = _rows(by_slope, 2 * self._track[:, None] + np.arange(2), 2 * len(self._tracks))
        return _System(cameras, points, (weight[:, None] * residual).ravel(), tuple(self._free))

    def moved(self, bundle: TurningBundle, turns_and_lens: Array, slopes: Array) -> TurningBundle:
        rotations, directions = bundle.rotations.copy(), bundle.directions.copy()
        count = 3 * len(self._frames)
        turns = Rotation.from_rotvec(turns_and_lens[:count].reshape(-1, 3)).as_matrix()
        rotations[self._frames] = turns @ rotations[self._frames]
        moved = directions[self._tracks] + np.einsum("nij,nj->ni", self._tangents(bundle), slopes.reshape(-1, 2))
        directions[self._tracks] = moved / np.linalg.norm(moved, axis=1, keepdims=True)
        change = dict(zip(self._free, turns_and_lens[count:].tolist()))
        focal = max(bundle.lens.focal + change.get("focal", 0.0), 0.1 * bundle.lens.focal)
        return TurningBundle(
            rotations, replace(bundle.lens, focal=focal, k1=bundle.lens.k1 + change.get("k1", 0.0)), directions
        )

    def _tangents(self, bundle: TurningBundle) -> Array:
        """(n, 3, 2) two unit vectors square to each direction."""
        directions = bundle.directions[self._tracks]
        axis = np.eye(3)[np.argmin(np.abs(directions), axis=1)]
        first = np.cross(directions, axis)
        first /= np.linalg.norm(first, axis=1, keepdims=True)
        return np.stack([first, np.cross(directions, first)], axis=2)


class _System:
    """Weighted normal equations, directions eliminated."""

    def __init__(self, cameras: csr_matrix, points: csr_matrix, residual: Array, free: tuple[str, ...]) -> None:
        self._free = free
        self._cameras = (cameras.T @ cameras).toarray()
        self._mixed = (cameras.T @ points).tocsc()
        inside = (points.T @ points).tocsr()
        even, odd = np.arange(0, inside.shape[0], 2), np.arange(1, inside.shape[0], 2)
        self._a, self._b, self._d = (
            np.asarray(part).ravel() for part in (inside[even, even], inside[even, odd], inside[odd, odd])
        )
        self._pull, self._point_pull = cameras.T @ residual, points.T @ residual

    def step(self, damping: float) -> tuple[Array, Array]:
        """(3F + lens,) turns and lens, (2N,) slopes of the directions."""
        inverse = self._inverse(damping)
        reduced = self._reduced(inverse, damping)
        pull = self._pull - self._mixed @ (inverse @ self._point_pull)
        step = np.linalg.solve(reduced, pull)
        return step, inverse @ (self._point_pull - self._mixed.T @ step)

    def lens_sigmas(self) -> LensSigmas:
        """The gauge is the first frame's rotation: it is held."""
        reduced = self._reduced(self._inverse(0.0), 0.0)[3:, 3:]
        sigmas = np.sqrt(np.abs(np.diagonal(np.linalg.pinv(reduced, hermitian=True))[-2:]))
        known = dict(zip(self._free, sigmas[len(sigmas) - len(self._free) :].tolist()))
        return LensSigmas(known.get("focal", float("nan")), known.get("k1", float("nan")))

    def _inverse(self, damping: float) -> csr_matrix:
        a, d = self._a * (1 + damping) + 1e-12, self._d * (1 + damping) + 1e-12
        determinant = a * d - self._b**2
        determinant = np.maximum(determinant, 1e-12 * a * d)
        blocks = np.stack([d, -self._b, -self._b, a], axis=1) / determinant[:, None]
        return _rows(blocks.reshape(-1, 2, 2), np.arange(2 * len(a)).reshape(-1, 2), 2 * len(a))

    def _reduced(self, inverse: csr_matrix, damping: float) -> Array:
        reduced = self._cameras + damping * np.diag(np.diagonal(self._cameras) + 1e-12)
        spread = (self._mixed @ inverse).tocsc()
        for first in range(0, spread.shape[1], _COLUMNS):  # most tracks see many of the frames: dense is faster
            part = slice(first, first + _COLUMNS)
            reduced -= spread[:, part].toarray() @ self._mixed[:, part].toarray().T
        return np.asarray(reduced)


def _rows(values: Array, columns: Array, width: int) -> csr_matrix:
    """(m, 2, k) values as 2 m rows of a sparse matrix; (m, k) columns, the same for both rows."""
    count, _, many = values.shape
    rows = np.broadcast_to(np.arange(2 * count).reshape(count, 2, 1), values.shape)
    places = np.broadcast_to(columns[:, None], (count, 2, many))
    return coo_matrix((values.ravel(), (rows.ravel(), places.ravel())), shape=(2 * count, width)).tocsr()


def _cross(vectors: Array) -> Array:
    """(m, 3, 3) matrices that multiply like the cross product from the left."""
    x, y, z = vectors.T
    zero = np.zeros_like(x)
    return np.stack([zero, -z, y, z, zero, -x, -y, x, zero], axis=1).reshape(-1, 3, 3)


def _pixels(rays: Array, lens: Lens, center: Array) -> Array:
    with np.errstate(divide="ignore", invalid="ignore"):
        flat = rays[:, :2] / rays[:, 2:]
    grown, _ = _growth((flat**2).sum(1), lens.distortion)
    return np.asarray(flat * grown[:, None] * lens.focal + center)


def _growth(r2: Array, lens: Distortion) -> tuple[Array, Array]:
    """(m,) by how much the lens moves a point outward, and how that changes with the squared radius."""
    grown = 1 + r2 * (lens.k1 + r2 * (lens.k2 + r2 * lens.k3))
    return grown, lens.k1 + r2 * (2 * lens.k2 + r2 * 3 * lens.k3)
