"""How a window lies in the world of what came before it, from the frames that both have seen."""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from model_server.engines.page4d.similarity import Similarity
from model_server.engines.page4d.similarity_fit import fit_similarity
from model_server.engines.page4d.window import WindowGeometry
from model_server.geometry.cameras import inverse, pixel_centers, project, transform, unproject
from model_server.geometry.shot import Array

_MOST_SAMPLES = 20_000
_ENOUGH = 200  # samples below which a rule that throws some out is dropped
_CONFIDENT = 0.6  # quantile of both windows' confidence together
_MOVING = 0.5  # of motion
_SHIFTED = 0.03, 6.0  # log depth between frames that counts as motion: at least, and times the lower quartile
_GOOD_RESIDUAL = 0.1  # relative to depth


class SeamSource(StrEnum):
    POINTS = "still points of the shared frames"
    CAMERAS = "cameras of the shared frames"
    NOTHING = "nothing in common"


@dataclass(frozen=True)
class Seam:
    """Where a window was joined."""

    world_from_window: Similarity
    source: SeamSource
    residual: float  # median distance of points that count, relative to their depth; infinite where there are none

    @property
    def weak(self) -> bool:
        """The join is a guess: the two windows tell different shapes, or none."""
        return self.source is not SeamSource.POINTS


def align(before: WindowGeometry, after: WindowGeometry) -> Seam:
    """Join two opinions about the same frames.

    The same pixel of the same frame, unprojected by each side, is one point in two worlds. Only confident and still
    ones count; where the network knows no motion, pixels count whose depth agrees with another shared frame's.
    The cameras' own opinion starts the robust fit beside random ones, and stands in where points say nothing.

    Args:
        before: the S shared frames in the world.
        after: the same frames in the window's own world.
    """
    samples = _samples(before, after)
    cameras = _from_cameras(before, after, samples)
    at_world, at_window = _points(before, samples), _points(after, samples)
    depth, weights = before.depth[samples], np.sqrt(before.confidence[samples] * after.confidence[samples])
    starts = () if cameras is None else (cameras,)
    fit = fit_similarity(at_window, at_world, depth, np.maximum(weights, 1e-3), starts)
    if fit.b_from_a is not None and fit.residual <= _GOOD_RESIDUAL:
        return Seam(fit.b_from_a, SeamSource.POINTS, fit.residual)
    if cameras is not None:
        return Seam(cameras, SeamSource.CAMERAS, fit.residual)
    return Seam(Similarity.identity(), SeamSource.NOTHING, np.inf)


_Samples = tuple[Array, Array, Array]  # frame, row, column: (N,) each


def _samples(before: WindowGeometry, after: WindowGeometry) -> _Samples:
    """Pixels on an even grid that both sides know, hold for sure and hold for still."""
    count, height, width = before.depth.shape
    step = max(1, int(np.ceil(np.sqrt(count * height * width / _MOST_SAMPLES))))
    rows, columns = np.arange(step // 2, height, step), np.arange(step // 2, width, step)
    grid = np.meshgrid(np.arange(count), rows, columns, indexing="ij")
    samples: _Samples = (grid[0].ravel(), grid[1].ravel(), grid[2].ravel())
    known = np.ones(len(samples[0]), bool)
    for side in (before, after):
        known &= (side.depth[samples] > 0) & _posed(side)[samples[0]]
    samples = _of(samples, known)
    still = np.ones(len(samples[0]), bool)
    for side in (before, after):
        still &= _still(side, samples)
    samples = _of(samples, still) if np.count_nonzero(still) >= _ENOUGH else samples
    if len(samples[0]) < _ENOUGH:
        return samples
    confidence = before.confidence[samples] * after.confidence[samples]
    return _of(samples, confidence >= np.quantile(confidence, _CONFIDENT))


def _of(samples: _Samples, chosen: Array) -> _Samples:
    return samples[0][chosen], samples[1][chosen], samples[2][chosen]


def _still(side: WindowGeometry, samples: _Samples) -> Array:
    """(N,) bool."""
    if side.motion is not None:
        return np.asarray(side.motion[samples] <= _MOVING)
    worlds, frames = _points(side, samples), samples[0]
    last = len(side.depth) - 1
    shift = np.zeros(len(frames))
    for other, own in ((last, frames <= last // 2), (0, frames > last // 2)):
        shift[own] = _depth_shift(side, worlds[own], other)
    shift[frames == np.where(frames <= last // 2, last, 0)] = 0  # a single frame has no other
    seen = shift > 0
    usual = float(np.quantile(shift[seen], 0.25)) if seen.any() else 0.0  # more than half may move
    return np.asarray(shift <= max(_SHIFTED[0], _SHIFTED[1] * usual))


def _depth_shift(side: WindowGeometry, points: Array, frame: int) -> Array:
    """(N,) absolute log between the depth of world points in a frame and what the frame shows there; 0 = not seen."""
    pixels, depth = project(transform(side.camera_from_world[frame], points), side.intrinsics[frame])
    height, width = side.depth.shape[1:]
    inside = (depth > 0) & (pixels >= 0).all(-1) & (pixels < np.array([width, height])).all(-1)
    places = np.where(inside[:, None], pixels, 0).astype(int)
    shown = side.depth[frame, places[:, 1], places[:, 0]]
    inside &= shown > 0
    return np.asarray(np.where(inside, np.abs(np.log(np.where(inside, depth, 1) / np.where(inside, shown, 1))), 0))


def _points(side: WindowGeometry, samples: _Samples) -> Array:
    """(N, 3) in the side's world."""
    frames, rows, columns = samples
    pixels = pixel_centers(side.depth.shape[2], side.depth.shape[1])[rows, columns]
    local = unproject(pixels, side.depth[samples].astype(np.float64), side.intrinsics[frames])
    return transform(inverse(side.camera_from_world)[frames], local)


def _from_cameras(before: WindowGeometry, after: WindowGeometry, samples: _Samples) -> Similarity | None:
    """Mean turn between the cameras of a frame, scale by their depths' ratio, and the median place."""
    posed = _posed(before) & _posed(after)
    if not posed.any():
        return None
    world, window = inverse(before.camera_from_world[posed]), inverse(after.camera_from_world[posed])
    left, _, right = np.linalg.svd((world[:, :3, :3] @ np.swapaxes(window[:, :3, :3], 1, 2)).sum(0))
    rotation = left @ np.diag([1, 1, np.sign(np.linalg.det(left @ right))]) @ right
    ratios = np.log(before.depth[samples].astype(np.float64)) - np.log(after.depth[samples].astype(np.float64))
    scale = np.asarray(np.exp(np.median(ratios)) if len(ratios) else 1.0)
    translation = np.median(world[:, :3, 3] - scale * window[:, :3, 3] @ rotation.T, axis=0)
    return Similarity(scale, rotation, translation)


def _posed(side: WindowGeometry) -> Array:
    """(S,) bool."""
    return np.asarray(np.isfinite(side.camera_from_world).all((1, 2)) & np.isfinite(side.intrinsics).all((1, 2)))
