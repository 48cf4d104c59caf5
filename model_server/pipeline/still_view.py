"""Where a pixel of one frame lies in another frame if what it shows stands still.

A still point of unknown depth lies on its epipolar line; of that line only the part between two depths is possible. So
one test, the distance to that segment, holds for known depth (short segment), unknown depth (long), a camera that only
turns (a point), and motion along the line that no depth in front of the camera explains.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from model_server.geometry.cameras import inverse, project, transform
from model_server.geometry.pixel_map import PixelMap
from model_server.geometry.shot import Array, DepthMaps, Solution
from model_server.pipeline.optical_flow import grid

MEASURED = 0.5  # confidence from which a depth is taken as measured rather than filled in
_TOLERANCE = 0.1  # of a measured depth
_CROWD, _CROWDED = 11, 0.5  # pixels, and the share of them that must be measured around a measured one
_AROUND = 0.08  # of the longer side: a thing of unknown depth stands between what is measured in this square around it
_FARTHER, _NEARER = 0.8, 1.5  # of the inverse depths around it
_POINT_FRAMES = 8  # before and after, from which solved points are taken
_POINT_SIGHTINGS = 8  # fewer may be on something that moves
_NOISE = 1.0  # of the squared gradient: a picture has as much where it shows nothing, levels per pixel
_LEAST_SEEN = 0.1  # share of a (squared) shift along an edge that is thought to show
_GUESSED_NEARER = 1.5  # at most this much beyond that, where the engine's guess is nearer


@dataclass(frozen=True)
class DepthRange:
    """Inverse depths, (H, W) float32 each: the likeliest, the farthest and the nearest a still point may have."""

    likely: Array
    far: Array
    near: Array
    measured: Array  # (H, W) bool
    surrounded: Array  # (H, W) bool: something near is measured


def depth_range(depth: DepthMaps, index: int, nearest: float, points: Array | None = None) -> DepthRange:
    """What a frame's depth map allows.

    Args:
        depth: depth maps; where the confidence is under `MEASURED` the depth is only a guess.
        nearest: the largest inverse depth that the shot has; the limit where nothing is known.
        points: (N, 3) x, y in model pixels and inverse depth of solved points that the frame sees; they tell where
            things around them are likely to be.
    """
    values, confidence = np.asarray(depth.depth[index]), np.asarray(depth.confidence[index], np.float32)
    measured = (values > 0) & (confidence >= MEASURED)
    # Stereo now and then agrees by chance on what moves; such specks count for nothing.
    measured &= cv2.blur(measured.astype(np.float32), (_CROWD, _CROWD)) > _CROWDED
    known = measured if measured.any() else values > 0
    if not known.any():
        nothing = np.zeros(values.shape, np.float32)
        return DepthRange(nothing, nothing, np.full(values.shape, nearest, np.float32), known, known)
    close, wide = np.ones((3, 3), np.uint8), np.ones((round(_AROUND * max(values.shape)) | 1,) * 2, np.uint8)
    surrounded = cv2.dilate(known.astype(np.uint8), wide) > 0
    inverse = np.where(known, 1 / np.maximum(values, 1e-9), 0).astype(np.float32)
    likely = _filled(*_with_points(inverse, known, surrounded, points))
    behind, before = cv2.erode(likely, wide), cv2.dilate(likely, wide)
    # What the engine filled in may be nearer than all around it (a bare floor comes closer below), but not farther.
    guess = np.where(values > 0, 1 / np.maximum(values, 1e-9), 0)
    around = np.clip(guess, before * _NEARER, before * _NEARER * _GUESSED_NEARER)
    likely = np.where((guess >= behind) & (guess <= around), guess, likely).astype(np.float32)
    far = np.where(surrounded, behind * _FARTHER, 0)
    near = np.where(surrounded, around, max(nearest, float(around.max())))
    far = np.where(measured, cv2.erode(likely, close) * (1 - _TOLERANCE), far)
    near = np.where(measured, cv2.dilate(likely, close) * (1 + _TOLERANCE), near)
    return DepthRange(likely, far.astype(np.float32), near.astype(np.float32), measured, surrounded)


def points_seen(solution: Solution, pixels: PixelMap, index: int, size: tuple[int, int]) -> Array:
    """(N, 3) x, y in model pixels and inverse depth of solved points; size (width, height).

    Points that only neighboring frames see count too: little hides them in so short a time.
    """
    numbers = solution.observations[:, 0].astype(np.int64)
    near = np.abs(solution.observations[:, 1] - index) <= _POINT_FRAMES
    near &= (np.bincount(numbers, minlength=1) >= _POINT_SIGHTINGS)[numbers]
    points = solution.points[np.unique(numbers[near])].astype(np.float64)
    places, depth = project(transform(solution.camera_from_world[index], points), solution.intrinsics[index])
    places = pixels.model_from_footage(places)
    usable = (depth > 0) & (places >= 0).all(axis=1) & (places < size).all(axis=1)
    return np.column_stack([places[usable], 1 / depth[usable]])


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

    def misfit(self, found: Array, limits: DepthRange, seen: "Visible") -> Array:
        """(H, W, 2) pixels from the likeliest place a still point can have to (H, W, 2) `found`.

        The likeliest place on the segment is the nearest as far as the picture can tell: along an edge nothing shows
        how far it slid (the aperture problem).
        """
        first = self.positions(limits.far)
        along = self.positions(limits.near) - first
        away = found - first
        square, dot = seen.product(along, along), seen.product(away, along)
        return np.asarray(away - np.clip(dot / (square + np.float32(1e-6)), 0, 1)[..., None] * along)


@dataclass(frozen=True)
class Visible:
    """In which directions a shift of each pixel's patch would show: the structure tensor, its larger eigenvalue 1."""

    xx: Array  # (H, W) float32 each
    xy: Array
    yy: Array

    @staticmethod
    def of(image: Array, patch: int, everywhere: Array) -> "Visible":
        """From an (H, W, 3) uint8 picture, over squares of `patch` pixels; all shows where (H, W) `everywhere`."""
        gray = cv2.cvtColor(np.asarray(image), cv2.COLOR_RGB2GRAY)
        x, y = (cv2.Scharr(gray, cv2.CV_32F, *order) / 32 for order in ((1, 0), (0, 1)))
        xx, xy, yy = (cv2.blur(a * b, (patch, patch)) for a, b in ((x, x), (x, y), (y, y)))
        largest = (xx + yy) / 2 + np.sqrt(((xx - yy) / 2) ** 2 + xy**2) + _NOISE
        least = np.where(everywhere, np.float32(1), np.float32(_LEAST_SEEN))
        xx, xy, yy = ((1 - least) * part / largest for part in (xx, xy, yy))
        return Visible(xx + least, xy, yy + least)

    def product(self, first: Array, second: Array) -> Array:
        """(H, W) inner product of (H, W, 2) shifts, of which only what shows counts."""
        x, y = self.xx * first[..., 0] + self.xy * first[..., 1], self.xy * first[..., 0] + self.yy * first[..., 1]
        return np.asarray(x * second[..., 0] + y * second[..., 1])


def _with_points(values: Array, known: Array, surrounded: Array, points: Array | None) -> tuple[Array, Array]:
    """Inverse depths, and where they are known, with those of single points where nothing near is known."""
    if points is None:
        return values, known
    x, y = points[:, :2].astype(np.int64).T
    values, more = values.copy(), known.copy()
    new = ~surrounded[y, x]
    values[y[new], x[new]], more[y[new], x[new]] = points[new, 2], True
    return values, more


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
