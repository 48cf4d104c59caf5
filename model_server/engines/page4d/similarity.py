"""Sim(3): rotation, translation and scale between worlds that differ in place and in unit."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.spatial.transform import Rotation

from model_server.geometry.shot import Array

_TINY = 1e-12


@dataclass(frozen=True)
class Similarity:
    """`b_from_a`: x_b = scale * rotation @ x_a + translation.

    One, or a stack of them: then all three arrays have the same leading axes.
    """

    scale: Array  # (...), positive
    rotation: Array  # (..., 3, 3)
    translation: Array  # (..., 3), in the unit of b

    @classmethod
    def identity(cls, *shape: int) -> "Similarity":
        """A stack of `shape`; of none, one."""
        return cls(np.ones(shape), np.broadcast_to(np.eye(3), (*shape, 3, 3)), np.zeros((*shape, 3)))

    def __getitem__(self, index: Any) -> "Similarity":
        return Similarity(self.scale[index], self.rotation[index], self.translation[index])

    def __matmul__(self, other: "Similarity") -> "Similarity":
        """`c_from_b @ b_from_a` is `c_from_a`; stacks broadcast."""
        turned = np.einsum("...ij,...j->...i", self.rotation, other.translation)
        return Similarity(
            np.asarray(self.scale * other.scale),
            np.asarray(self.rotation @ other.rotation),
            np.asarray(np.asarray(self.scale)[..., None] * turned + self.translation),
        )

    @property
    def inverse(self) -> "Similarity":
        back = np.swapaxes(self.rotation, -1, -2)
        turned = np.einsum("...ij,...j->...i", back, self.translation)
        return Similarity(np.asarray(1 / self.scale), back, -turned / np.asarray(self.scale)[..., None])

    def points(self, points: Array) -> Array:
        """(..., N, 3) points of a, in b; a stack of K takes (N, 3) to (K, N, 3)."""
        turned = points @ np.swapaxes(self.rotation, -1, -2)
        return np.asarray(np.asarray(self.scale)[..., None, None] * turned + self.translation[..., None, :])

    def cameras(self, camera_from_a: Array) -> Array:
        """(..., 4, 4) rigid cameras in a's world and unit, in b's; depth there is `scale` times as much."""
        result = np.zeros(np.broadcast_shapes(camera_from_a.shape, (*self.translation.shape[:-1], 4, 4)))
        result[..., :3, :3] = camera_from_a[..., :3, :3] @ np.swapaxes(self.rotation, -1, -2)
        moved = np.einsum("...ij,...j->...i", result[..., :3, :3], self.translation)
        result[..., :3, 3] = np.asarray(self.scale)[..., None] * camera_from_a[..., :3, 3] - moved
        result[..., 3, :] = camera_from_a[..., 3, :]  # NaN where a camera is not known
        return result

    @property
    def is_finite(self) -> bool:
        return bool(all(np.isfinite(part).all() for part in (self.scale, self.rotation, self.translation)))


def exponential(tangents: Array) -> Similarity:
    """(..., 7) of sim(3) (translation 3, rotation 3, log of scale) to Sim(3)."""
    turn, growth = tangents[..., 3:6], tangents[..., 6]
    translation = np.einsum("...ij,...j->...i", _translation_factor(turn, growth), tangents[..., :3])
    rotation = Rotation.from_rotvec(turn.reshape(-1, 3)).as_matrix().reshape(*turn.shape, 3)
    return Similarity(np.exp(growth), rotation, translation)


def logarithm(similarity: Similarity) -> Array:
    """(..., 7) of sim(3), the inverse of `exponential` for turns below half a circle."""
    rotation = similarity.rotation
    turn = Rotation.from_matrix(rotation.reshape(-1, 3, 3)).as_rotvec().reshape(rotation.shape[:-1])
    growth = np.log(similarity.scale)
    start = np.linalg.solve(_translation_factor(turn, growth), similarity.translation[..., None])[..., 0]
    return np.concatenate([start, turn, np.asarray(growth)[..., None]], axis=-1)


def interpolate(knots: Similarity, places: Array, at: Array) -> Similarity:
    """A path through Sim(3), geodesic between knots and constant outside of them.

    Args:
        knots: a stack of K.
        places: (K,) rising.
        at: (F,).

    Returns:
        A stack of F.
    """
    if len(places) == 1:
        return knots[np.zeros(len(at), int)]
    left = np.clip(np.searchsorted(places, at, side="right") - 1, 0, len(places) - 2)
    share = np.clip((at - places[left]) / (places[left + 1] - places[left]), 0, 1)
    step = logarithm(knots[:-1].inverse @ knots[1:])
    return knots[left] @ exponential(share[:, None] * step[left])


def _translation_factor(turn: Array, growth: Array) -> Array:
    """(..., 3, 3): the integral of exp(t (growth + [turn])) over t in 0..1.

    Along the axis of the turn that is (e^g - 1) / g; across it, as the complex plane, (e^z - 1) / z, z = g + i angle.
    """
    angle = np.linalg.norm(turn, axis=-1)
    axis = np.where(angle[..., None] > _TINY, turn / np.maximum(angle, _TINY)[..., None], np.array([1.0, 0, 0]))
    along, across = _mean_growth(growth + 0j).real, _mean_growth(growth + 1j * angle)
    x, y, z, none = *np.moveaxis(axis, -1, 0), np.zeros_like(angle)
    cross = np.stack([none, -z, y, z, none, -x, -y, x, none], -1).reshape(*angle.shape, 3, 3)
    outer = axis[..., :, None] * axis[..., None, :]
    parts = [part[..., None, None] for part in (along, across.real, across.imag)]
    return np.asarray(parts[0] * outer + parts[1] * (np.eye(3) - outer) + parts[2] * cross)


def _mean_growth(rate: Array) -> Array:
    """(e^z - 1) / z, which is 1 at 0."""
    small = np.abs(rate) < _TINY
    return np.asarray(np.where(small, 1.0, np.expm1(rate) / np.where(small, 1.0, rate)))
