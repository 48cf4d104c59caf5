"""Where a pixel of one frame lies in another frame if what it shows stands still.

A still point of unknown depth lies on its epipolar line; of that line only the part between two depths is possible. So
one test, the distance to that segment, holds for known depth (short segment), unknown depth (long), a camera that only
turns (a point), and motion along the line that no depth in front of the camera explains.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from model_server.geometry.cameras import inverse
from model_server.geometry.shot import Array, DepthMaps
from model_server.pipeline.optical_flow import grid

MEASURED = 0.5  # confidence from which a depth is taken as measured rather than filled in
_TOLERANCE = 0.1  # of a measured depth
_CROWD, _CROWDED = 11, 0.5  # pixels, and the share of them that must be measured around a measured one
_AROUND = 51  # pixels: a thing of unknown depth stands between what is measured in this square around it, if any is
_FARTHER, _NEARER = 0.8, 1.5  # of the inverse depths around it
_GUESSED_NEARER = 1.5  # at most this much beyond that, where the engine's guess is nearer


@dataclass(frozen=True)
class DepthRange:
    """Inverse depths, (H, W) float32 each: the likeliest, the farthest and the nearest a still point may have."""

    likely: Array
    far: Array
    near: Array
    measured: Array  # (H, W) bool


def depth_range(depth: DepthMaps, index: int, nearest: float) -> DepthRange:
    """What a frame's depth map allows.

    Args:
        depth: depth maps; where the confidence is under `MEASURED` the depth is only a guess.
        nearest: the largest inverse depth that the shot has; the limit where nothing is known.
    """
    values, confidence = np.asarray(depth.depth[index]), np.asarray(depth.confidence[index], np.float32)
    measured = (values > 0) & (confidence >= MEASURED)
    # Stereo now and then agrees by chance on what moves; such specks count for nothing.
    measured &= cv2.blur(measured.astype(np.float32), (_CROWD, _CROWD)) > _CROWDED
    known = measured if measured.any() else values > 0
    if not known.any():
        nothing = np.zeros(values.shape, np.float32)
        return DepthRange(nothing, nothing, np.full(values.shape, nearest, np.float32), known)
    likely = _filled(np.where(known, 1 / np.maximum(values, 1e-9), 0).astype(np.float32), known)
    close, wide = np.ones((3, 3), np.uint8), np.ones((_AROUND, _AROUND), np.uint8)
    around = cv2.dilate(likely, wide)
    # What the engine filled in may be nearer than all around it (a bare floor comes closer below), but not farther.
    guess = np.where(values > 0, 1 / np.maximum(values, 1e-9), 0)
    around = np.clip(guess, around * _NEARER, around * _NEARER * _GUESSED_NEARER)
    surrounded = cv2.dilate(known.astype(np.uint8), wide) > 0
    far = np.where(surrounded, cv2.erode(likely, wide) * _FARTHER, 0)
    near = np.where(surrounded, around, max(nearest, float(around.max())))
    far = np.where(measured, cv2.erode(likely, close) * (1 - _TOLERANCE), far)
    near = np.where(measured, cv2.dilate(likely, close) * (1 + _TOLERANCE), near)
    return DepthRange(likely, far.astype(np.float32), near.astype(np.float32), measured)


def nearest_inverse_depth(depth: DepthMaps, points: Array, camera_from_world: Array) -> float:
    """The inverse depth that nothing in the shot exceeds, from depth maps, else from the (N, 3) solved points."""
    some = np.asarray(depth.depth[:: max(1, len(depth.depth) // 8), ::8, ::8])
    some = some[some > 0]
    if not some.size and len(points):
        known = camera_from_world[np.isfinite(camera_from_world).all(axis=(1, 2))][::4]
        some = (np.einsum("fj,nj->fn", known[:, 2, :3], points) + known[:, 2, 3:]).ravel()
        some = some[some > 0]
    return 1.5 / float(np.percentile(some, 1)) if some.size else 1.0


class StillView:
    """Frame `start` as seen from frame `end`."""

    def __init__(
        self, start_from_world: Array, end_from_world: Array, start: Array, end: Array, size: tuple[int, int]
    ) -> None:
        """Poses (4, 4), intrinsics `start` and `end` (3, 3) in model pixels, size (width, height)."""
        end_from_start = end_from_world @ inverse(start_from_world)
        turn = end @ end_from_start[:3, :3] @ np.linalg.inv(start)
        self._infinite = (grid(*size) @ turn[:, :2].T + turn[:, 2]).astype(np.float32)
        self._shift = (end @ end_from_start[:3, 3]).astype(np.float32)

    def positions(self, inverse_depth: Array) -> Array:
        """(H, W, 2) pixels of frame `end` for (H, W) inverse depths."""
        if self._shift[2] < 0:  # keep in front of the camera
            inverse_depth = np.minimum(inverse_depth, 0.9 * self._infinite[..., 2] / -self._shift[2])
        z = np.maximum(self._infinite[..., 2] + inverse_depth * self._shift[2], 1e-6)
        x, y = (self._infinite[..., axis] + inverse_depth * self._shift[axis] for axis in (0, 1))
        return np.stack([x / z, y / z], axis=-1)

    def depths(self, inverse_depth: Array) -> Array:
        """(H, W) depth in frame `end`."""
        return np.asarray((self._infinite[..., 2] + inverse_depth * self._shift[2]) / np.maximum(inverse_depth, 1e-9))

    def misfit(self, found: Array, limits: DepthRange) -> Array:
        """(H, W, 2) pixels from the nearest place a still point can have to (H, W, 2) `found`."""
        first = self.positions(limits.far)
        along = self.positions(limits.near) - first
        away = found - first
        dot, square = (a[..., 0] * along[..., 0] + a[..., 1] * along[..., 1] for a in (away, along))
        return np.asarray(away - np.clip(dot / (square + np.float32(1e-6)), 0, 1)[..., None] * along)


def _filled(values: Array, known: Array) -> Array:
    """Push-pull: unknown pixels get the mean of the known ones around them, from the finest scale that has any."""
    levels: list[tuple[Array, Array]] = [(values * known, known.astype(np.float32))]
    while max(levels[-1][0].shape) > 1:
        shape = levels[-1][0].shape
        half = ((shape[1] + 1) // 2, (shape[0] + 1) // 2)
        value, weight = (cv2.resize(part, half, interpolation=cv2.INTER_AREA) for part in levels[-1])
        levels.append((value, weight))
    result: Array = np.zeros((1, 1), np.float32)
    for value, weight in reversed(levels):
        coarse = cv2.resize(result, value.shape[::-1], interpolation=cv2.INTER_LINEAR)
        result = np.where(weight > 0, value / np.maximum(weight, 1e-9), coarse)
    return np.asarray(result, np.float32)
