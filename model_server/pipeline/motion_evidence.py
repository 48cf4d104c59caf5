"""What one frame's neighbors say about each of its pixels: does it move, or does the camera explain it?

Every neighbor is first warped to the frame as if all stood still, and flow is measured from there: where the picture
has nothing to say the flow stays at zero, and long gaps cost no more than short ones. A pixel counts as moving where
the flow leaves the epipolar segment (MonST3R and RoMo compare flow with the camera's; J. Zhang et al., arXiv
2410.03825; L. Goli et al., arXiv 2411.18650), and only as far as moving explains the picture better than standing
still does.
"""

from dataclasses import dataclass, replace
from functools import lru_cache

import cv2
import numpy as np

from model_server.geometry.pixel_map import PixelMap
from model_server.geometry.plate_area import plate_area
from model_server.geometry.shot import Array, DepthMaps, Solution, SolveMode
from model_server.pipeline.clean_plate import CleanPlates
from model_server.pipeline.optical_flow import DenseFlow, grid, inside, sample
from model_server.pipeline.shadows import dimmed
from model_server.pipeline.still_view import (
    DepthRange,
    StillView,
    Visible,
    depth_range,
    nearest_inverse_depth,
    points_seen,
)

GAPS = (1, 4, 10, 20)  # frames: short gaps see quick things, long ones slow things
_PATCH = 7  # pixels
_FLOW_NOISE_PX = 0.15
_NOISE_PER_FRAME_PX = 0.005
_SIGMAS = 3.0
_MOST = 3.0  # evidence of one pair of frames
_TEXTURE = 30.0  # squared levels of texture that make "it fits" half of a proof
_LOOSE = 0.3  # what a fit is worth where depth was not measured: almost any depth would do
_OCCLUDED = 0.93  # something this much nearer stands in between
_SHADOW_EVIDENCE = -0.5
# Evidence of a clear difference from the clean plate, or of none; what moves slowly is itself in the plates.
_PLATE_MOVING, _PLATE_STILL = 1.5, 0.5


@dataclass(frozen=True)
class _Pair:
    evidence: Array  # (H, W) float32
    valid: Array  # (H, W) bool


class MotionEvidence:
    """Evidence for every frame of a shot."""

    def __init__(self, images: Array, pixels: PixelMap, depth: DepthMaps, solution: Solution) -> None:
        """images (F, H, W, 3) uint8, undistorted, model size."""
        self._images, self._depth, self._poses = images, depth, solution.camera_from_world
        self._pixels, self._solution = pixels, solution
        self._intrinsics = pixels.model_intrinsics(solution.intrinsics)
        self._known = np.asarray(np.isfinite(self._poses).all(axis=(1, 2)))
        self._nearest = nearest_inverse_depth(depth, solution.points, self._poses)
        self._turns = solution.mode is SolveMode.TRIPOD
        self._height, self._width = images.shape[1:3]
        self._flow, self._plates = DenseFlow(), CleanPlates(images, pixels, depth, solution)
        self._shown = lru_cache(maxsize=2 * max(GAPS) + 1)(self._shown_plate)
        self._terms = _quadratic_terms(self._width, self._height)

    def frame(self, index: int) -> Array:
        """(H, W) float32, about -1 still .. 3 moving; 0 where nothing is known."""
        nothing = np.zeros((self._height, self._width), np.float32)
        if not self._known[index]:
            return nothing
        seen = points_seen(self._solution, self._pixels, index, (self._width, self._height))
        limits = depth_range(self._depth, index, self._nearest, seen)
        if self._turns:  # seen from one place, a still point is where it must be at any depth
            limits = replace(limits, measured=np.ones_like(limits.measured))
        texture, visible = _texture(self._images[index]), Visible.of(self._images[index], _PATCH, limits.surrounded)
        before, after = (
            [self._pair(index, other, limits, texture, visible) for other in self._others(index, way)]
            for way in (-1, 1)
        )
        sides = [_fused(pairs) for pairs in (before, after) if pairs]
        if not sides:
            return nothing
        # What is hidden before or after the frame looks as if it moved on that side only; a thing moves on both.
        evidence = sides[0] if len(sides) == 1 else 0.8 * np.minimum(*sides) + 0.2 * np.maximum(*sides)
        plate = self._plates.frame(index)
        if plate is None:
            return evidence.astype(np.float32)
        seen = plate.evidence(self._images[index])
        # Where depth was not measured the plate may be of another place: where flow says that all stands still it does.
        seen = np.where((seen > 0) & ~limits.measured & (evidence < 0), 0, seen)
        evidence += np.where(seen > 0, _PLATE_MOVING, _PLATE_STILL) * seen
        shadow = dimmed(self._images[index], plate.picture, plate.sure > 0)
        return np.asarray(np.where(shadow, np.minimum(evidence, _SHADOW_EVIDENCE), evidence), np.float32)

    def _others(self, index: int, way: int) -> list[int]:
        others = (index + way * gap for gap in GAPS)
        return [other for other in others if 0 <= other < len(self._images) and self._known[other]]

    def _pair(self, index: int, other: int, limits: DepthRange, texture: Array, visible: Visible) -> _Pair:
        image, target = self._images[index], self._images[other]
        size = self._width, self._height
        intrinsics = self._intrinsics
        view = StillView(self._poses[index], self._poses[other], intrinsics[index], intrinsics[other], size)
        expected = view.positions(limits.likely)
        flow = self._flow(image, sample(target, expected))
        found = sample(expected, grid(*size) + flow)
        valid = inside(found, *size) & inside(expected, *size) & ~self._occluded(other, view, expected, limits)
        if not self._solution.distortion.is_pinhole:
            valid &= (self._shown(index) > 0) & (sample(self._shown(other), found, nearest=True) > 0)
        error_moving = _difference(image, sample(target, found))
        drift = self._drift(view.misfit(found, limits, visible), valid & (error_moving < 60))
        misfit = view.misfit(found - drift, limits, visible)
        error_still = _difference(image, sample(target, found - misfit))
        distance = np.sqrt(visible.product(misfit, misfit))
        sigma = np.hypot(_common(distance, valid) * 1.4826, _FLOW_NOISE_PX + _NOISE_PER_FRAME_PX * abs(index - other))
        geometry = np.clip((distance / (_SIGMAS * sigma)) ** 2 - 1, -1, _MOST)
        noise = 4 + 2 * _common(error_moving, valid) + 0.1 * error_moving
        gain = np.clip((error_still - error_moving) / noise, 0, 1)
        still = np.minimum(geometry, 0) * np.where(limits.measured, 1, _LOOSE)
        still = np.where(error_still < 2 * noise, np.minimum(still, -_LOOSE * (1 - gain)), still)
        evidence = np.maximum(geometry, 0) * gain + still * (1 - gain) * texture / (texture + _TEXTURE)
        return _Pair(np.where(valid, evidence, 0).astype(np.float32), valid)

    def _shown_plate(self, index: int) -> Array:
        """(H, W) uint8: 1 where the plate covers this pixel of the undistorted image and the patch around it."""
        lens = self._solution.intrinsics[index], self._solution.distortion
        shown = plate_area(self._width, self._height, self._pixels, *lens).astype(np.uint8)
        return np.asarray(cv2.erode(shown, np.ones((2 * _PATCH + 1,) * 2, np.uint8)))

    def _occluded(self, other: int, view: StillView, expected: Array, limits: DepthRange) -> Array:
        """Where something still stands between the other camera and the point."""
        there = sample(np.asarray(self._depth.depth[other]), expected, nearest=True)
        return np.asarray(limits.measured & (there > 0) & (there < _OCCLUDED * view.depths(limits.likely)))

    def _drift(self, misfit: Array, valid: Array) -> Array:
        """(H, W, 2) smooth part of the misfit that most of the picture shares.

        Small errors of the pose and a rolling shutter look like this; things that move do not. Robust fit of a
        quadratic by Geman and McClure's weights.
        """
        step = 4
        terms = self._terms[::step, ::step][valid[::step, ::step]].astype(np.float64)
        values = misfit[::step, ::step][valid[::step, ::step]]
        weights = np.zeros((terms.shape[-1], 2))
        for _ in range(6 if len(values) > 100 else 0):
            squares = ((values - terms @ weights) ** 2).sum(-1)
            spread = 4 * max(float(np.median(squares)), 0.02)
            weighted = terms * ((spread / (spread + squares)) ** 2)[:, None]
            weights = np.linalg.solve(weighted.T @ terms + 20 * np.eye(terms.shape[-1]), weighted.T @ values)
        return np.asarray(self._terms @ weights.astype(np.float32))


def _fused(pairs: list[_Pair]) -> Array:
    """One side's pairs: half their mean, half the one that saw most motion."""
    evidence, valid = np.stack([pair.evidence for pair in pairs]), np.stack([pair.valid for pair in pairs])
    count = valid.sum(0)
    most = np.where(valid, evidence, -np.inf).max(0, initial=-_MOST)
    return np.where(count > 0, 0.5 * most + 0.5 * evidence.sum(0) / np.maximum(count, 1), 0)


def _quadratic_terms(width: int, height: int) -> Array:
    x, y = np.moveaxis(grid(width, height) / np.array([width, height], np.float32) * 2 - 1, -1, 0)
    return np.stack([np.ones_like(x), x, y, x * y, x * x, y * y], axis=-1)


def _difference(first: Array, second: Array) -> Array:
    """(H, W) squared levels between two pictures over a patch; most of a change of light is forgiven."""
    change = first.astype(np.float32) - second
    mean = cv2.blur(change, (_PATCH, _PATCH))
    return _mean_of_channels(np.maximum(cv2.blur(change**2, (_PATCH, _PATCH)) - 0.7 * mean**2, 0))


def _texture(image: Array) -> Array:
    """(H, W) variance of the patch, squared levels."""
    levels = image.astype(np.float32)
    mean = cv2.blur(levels, (_PATCH, _PATCH))
    return _mean_of_channels(np.maximum(cv2.blur(levels**2, (_PATCH, _PATCH)) - mean**2, 0))


def _mean_of_channels(image: Array) -> Array:
    return np.asarray(cv2.transform(image, np.full((1, 3), 1 / 3, np.float32)))  # numpy is slow over short axes


def _common(values: Array, valid: Array) -> float:
    """Median of the valid ones."""
    chosen = values[::2, ::2][valid[::2, ::2]]
    return float(np.median(chosen)) if chosen.size else 1.0
