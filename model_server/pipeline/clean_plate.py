"""How a frame would look if nothing moved, from what other frames show, and how it differs from that.

Background subtraction for a camera that moves, with depth and cameras known: other frames, near and far, are warped to
this one as if all stood still; what most of them agree on is the clean plate. They also tell how sure it is: where
depth or camera are wrong they disagree with each other, and a difference from them means little. Where they agree and
the frame differs something moves; where the frame agrees nothing does, to the pixel.
"""

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np

from model_server.geometry.pixel_map import PixelMap
from model_server.geometry.shot import Array, DepthMaps, Solution, SolveMode
from model_server.pipeline.likeness import beyond, limits, same_pattern, smoothed
from model_server.pipeline.optical_flow import inside, sample
from model_server.pipeline.still_view import StillView, depth_range, nearest_inverse_depth, points_seen

_GAPS = (3, 7, 12, 18, 25, 33)  # frames before and after: things that are slow have left only after long
_MOST_VIEWS = 8
_NEAR, _FAR = (
    0.3,
    20.0,
)  # what a view counts next to the frame, and frames from which it counts in full: things that are
# slow are themselves in the near ones
_SAME = 0.93, 1.2  # times its depth: between these the other frame's depth agrees that it shows the same surface
_AGREE = 6  # levels beyond a pixel's surroundings by which two views still show the same
_NOISE = 3.0  # levels that never tell
_CLEAN = 8.0  # levels of noise, up to which looking the same is as good a proof as any
_TELLS = 0.12  # what a view must count to tell alone: one from 7 frames away does, also where something may move
_DARK, _BRIGHT = 8, 247  # levels between which a pixel tells how a picture was exposed
_ENOUGH = 1.5  # views that agree, for full certainty
_FEW, _MANY = 0.5, 3.0  # views that agree: a plate of no more is not firm, one of these is (hidden ones count little)
_LEAST_SHARE, _FULL_SHARE = 0.2, 0.6  # of the views that see a place: fewer that agree say nothing, more all


@dataclass(frozen=True)
class CleanPlate:
    """What most views agree on, and how sure that is."""

    picture: Array  # (H, W, 3) uint8
    sure: Array  # (H, W) float32, 0..1
    firm: Array  # (H, W) float32, 0..1, no more than `sure`: by how many views that nothing may hide
    shown: Array  # (H, W) bool, where at least one view shows what the frame does

    @staticmethod
    def of(frame: Array, views: list[Array], weights: list[Array]) -> "CleanPlate":
        """The plate of a frame, (H, W, 3) uint8.

        Args:
            views: (H, W, 3) uint8 each, of the frame's still surface.
            weights: (H, W) float32 each, what the view counts, 0..1.
        """
        smooth = [smoothed(view) for view in views]
        picture = np.zeros_like(views[0])
        most = np.zeros(weights[0].shape, np.float32)
        now, shown = smoothed(frame), np.zeros(weights[0].shape, bool)
        for view, plate, weight in zip(views, smooth, weights):
            allowed = limits(plate)
            agreed = weight.copy()
            for other, counts in zip(smooth, weights):
                if other is not plate:
                    agreed += counts * (beyond(other, *allowed) <= _AGREE)
            shown |= (weight > _TELLS) & (beyond(now, *allowed) <= _AGREE)
            better = (agreed > most) & (weight > 0)
            most = np.where(better, agreed, most)
            cv2.copyTo(view, better.astype(np.uint8), picture)
        share = most / np.maximum(np.sum(weights, axis=0), 1e-6)
        sure = np.clip(most / _ENOUGH, 0, 1) * np.clip((share - _LEAST_SHARE) / (_FULL_SHARE - _LEAST_SHARE), 0, 1)
        firm = np.minimum(sure, np.clip((most - _FEW) / (_MANY - _FEW), 0, 1))
        return CleanPlate(picture, np.asarray(sure, np.float32), firm.astype(np.float32), shown)

    def evidence(self, picture: Array) -> Array:
        """(H, W) float32, -1 still .. 1 moving, of an (H, W, 3) uint8 picture; 0 where the plate is not known."""
        now, plate = smoothed(picture), smoothed(self.picture)
        out = cv2.blur(beyond(now, *limits(plate)).astype(np.float32), (3, 3))
        known = out[::4, ::4][self.sure[::4, ::4] > 0]
        if not known.size:
            return np.zeros(out.shape, np.float32)
        noise = _NOISE + 2 * float(np.percentile(known, 75))  # moving cameras, grain and compression
        off = out / noise - 1
        # Where much differs anyway, from grain or blur, it tells little that something does not.
        off = np.where(off > 0, off / 2, off * min(1.0, _CLEAN / noise))
        return np.asarray(np.clip(off, -1, 1) * self.sure, np.float32)

    def pattern(self, picture: Array) -> Array:
        """(H, W) float32, 0..1: how surely an (H, W, 3) uint8 picture shows the pattern of a firm plate."""
        return np.asarray(self.firm * same_pattern(picture, self.picture))


class CleanPlates:
    """The clean plate of every frame of a shot."""

    def __init__(self, images: Array, pixels: PixelMap, depth: DepthMaps, solution: Solution) -> None:
        """(F, H, W, 3) uint8 undistorted pictures."""
        self._images, self._depth, self._poses = images, depth, solution.camera_from_world
        self._pixels, self._solution = pixels, solution
        self._nearest = nearest_inverse_depth(depth, solution.points, self._poses)
        self._intrinsics = pixels.model_intrinsics(solution.intrinsics)
        self._known = np.asarray(np.isfinite(self._poses).all(axis=(1, 2)))

    def frame(self, index: int, worth: Callable[[int], Array] | None = None) -> CleanPlate | None:
        """None where no other frame tells, or no depth is known and so nobody which surface would be seen.

        Args:
            worth: frame index to (H, W) float32, what the frame's view counts: less where something may hide the scene.
        """
        others = [index + side * gap for gap in _GAPS for side in (-1, 1)]
        others = [other for other in others if 0 <= other < len(self._images) and self._known[other]][:_MOST_VIEWS]
        if not self._known[index] or not others:
            return None
        points = points_seen(self._solution, self._pixels, index, self._images.shape[2:0:-1])
        distance = depth_range(self._depth, index, self._nearest, points)
        if not distance.measured.any() and self._solution.mode is not SolveMode.TRIPOD:
            return None
        inverse_depth = distance.likely
        views, weights = [], []
        for other in others:
            places, visible = self._still(index, other, inverse_depth)
            weight = visible * np.float32(min(1.0, _NEAR + abs(other - index) / _FAR))
            if worth is not None:
                weight *= sample(worth(other), places, nearest=True)
            views.append(_exposed_as(self._images[index], sample(self._images[other], places), visible))
            weights.append(weight)
        return CleanPlate.of(np.asarray(self._images[index]), views, weights)

    def _still(self, index: int, other: int, inverse_depth: Array) -> tuple[Array, Array]:
        """Where the other frame shows the frame's still points, (H, W, 2) pixels; where it does, (H, W) bool."""
        height, width = inverse_depth.shape
        poses, lenses = self._poses, self._intrinsics
        view = StillView(poses[index], poses[other], lenses[index], lenses[other], (width, height))
        places = view.positions(inverse_depth)
        there = sample(np.asarray(self._depth.depth[other]), places, nearest=True)
        nearer = there / np.maximum(view.depths(inverse_depth), 1e-9)
        same = (there == 0) | ((nearer > _SAME[0]) & (nearer < _SAME[1]))
        return places, inside(places, width, height) & same


def _exposed_as(picture: Array, view: Array, seen: Array) -> Array:
    """A view, (H, W, 3) uint8, as bright and of the same white as the picture, by the medians of what both show.

    Cameras set exposure and white balance anew all the time: in a walk through an office by half within a second.

    Args:
        seen: (H, W) bool, where the view shows the picture's surface.
    """
    ours, theirs = (np.asarray(each[::4, ::4][seen[::4, ::4]], np.float32) for each in (picture, view))
    gains = np.ones(3, np.float32)
    for channel in range(3):
        one, other = ours[:, channel], theirs[:, channel]
        tells = (np.minimum(one, other) > _DARK) & (np.maximum(one, other) < _BRIGHT)
        if tells.any():
            gains[channel] = np.median(one[tells] / other[tells])
    levels = np.arange(256, dtype=np.float32)[:, None] * gains
    return np.asarray(cv2.LUT(view, np.clip(np.rint(levels), 0, 255).astype(np.uint8)[None]))
