"""Things that are none: what stands still, in a shadow that moves or as it is.

A region of motion may be left of a shadow whose rim was missed, or of a mistake. It shows the same surface as frames
before and after, with less light on it or with none missing (`shadows.in_shadow`). A thing hides that surface.
"""

import cv2
import numpy as np
from scipy.ndimage import find_objects

from model_server.geometry.cameras import inverse, project, transform, unproject
from model_server.geometry.pixel_map import PixelMap
from model_server.geometry.shot import Array, DepthMaps, Motion, Solution, SolveMode
from model_server.pipeline.likeness import beyond
from model_server.pipeline.optical_flow import grid, inside, sample
from model_server.pipeline.shadows import in_shadow

_GAPS = (-16, -8, -4, -2, 2, 4, 8, 16)  # frames in which the same place is looked at
_FRAMES = 5  # of a thing's life that are looked at
_MARGIN = 8  # pixels around a thing, which the measure of shadows looks at
_NEARER = 0.93  # something this much nearer stands in between
_MOVING = 63  # less motion than this in the other frame: the place itself is seen
_SAME_LEVELS = 10.0  # mean difference of colors: the same surface in the same light
_AROUND, _NOISE = np.ones((5, 5), np.uint8), 6  # pixels that depth may be off by, and levels of noise
_EXPLAINED = 0.75  # share of the pixels seen elsewhere that must be the still surface ...
_LIKELY = 0.7  # ... or, over a thing's life, have the colors around it
_TOLD = 0.5  # of a lasting thing's frames that are looked at, which must tell
_FLEETING = 0.4  # of the shot's frames
_LEAST_SEEN = 0.3  # share of a thing's pixels whose place must be seen elsewhere to tell


class Scenery:
    """The still surfaces of a shot, as its frames show them."""

    def __init__(self, images: Array, pixels: PixelMap, depth: DepthMaps, motion: Motion, solution: Solution) -> None:
        """Images (F, H, W, 3) uint8 sRGB, undistorted; depth is of what stands still."""
        self._images, self._depth, self._motion, self._solution = images, depth, motion, solution
        self._intrinsics = pixels.model_intrinsics(solution.intrinsics)
        self._known = np.isfinite(solution.camera_from_world[:, 0, 0])

    def is_all_of(self, labels: Array, thing: int, areas: Array) -> bool:
        """Whether a supposed thing shows nothing but scenery; False where the shot does not tell.

        Args:
            labels: (F, H, W) ids.
            areas: (F,) pixels that the thing has in each frame.
        """
        areas = areas * self._known
        frames = np.flatnonzero(areas >= max(1, 0.5 * areas.max()))
        if not len(frames):
            return False
        looked_at = frames[np.unique(np.linspace(0, len(frames) - 1, _FRAMES).astype(int))]
        shares = [self._shares(int(index), np.asarray(labels[index]) == thing) for index in looked_at]
        told = np.array([share for share in shares if share is not None])
        fleeting = np.count_nonzero(areas) < _FLEETING * len(self._images)
        # A slow thing looks like scenery where it was missed in other frames: what stays is not judged by few of its
        # frames, nor by its likeness.
        if len(told) < (1 if fleeting else _TOLD * len(shares)):
            return False
        surface, alike = np.median(told, axis=0)
        return bool(surface > _EXPLAINED or (fleeting and alike > _LIKELY))

    def is_here(self, index: int, mask: Array) -> bool:
        """Whether a frame's (H, W) mask shows nothing but scenery; False where the shot does not tell."""
        shares = self._shares(index, mask) if self._known[index] else None
        return shares is not None and shares[0] > _EXPLAINED

    def _shares(self, index: int, mask: Array) -> tuple[float, float] | None:
        """Of a frame's (H, W) mask the share that is scenery, and the share that may be, if depth is a little wrong.

        None where its place is not seen in other frames.
        """
        rows, columns = find_objects(mask.astype(np.uint8))[0]
        box = (
            slice(max(0, rows.start - _MARGIN), rows.stop + _MARGIN),
            slice(max(0, columns.start - _MARGIN), columns.stop + _MARGIN),
        )
        others = [index + gap for gap in _GAPS if 0 <= index + gap < len(self._images) and self._known[index + gap]]
        if not others:
            return None
        views, visible = self._views(index, box, others)
        tellable = mask[box] & visible.any(axis=0)
        if tellable.sum() < _LEAST_SEEN * mask.sum():
            return None
        picture = np.asarray(self._images[index][box])
        off = np.abs(views.astype(np.float32) - picture).mean(axis=-1)
        same = np.min(np.where(visible, off, np.inf), axis=0) < _SAME_LEVELS
        alike = np.zeros(same.shape, bool)
        for view, seen in zip(views, visible):
            lowest, highest = cv2.erode(view, _AROUND), cv2.dilate(view, _AROUND)
            alike |= (beyond(picture, lowest, highest) <= _NOISE) & seen
        surface = in_shadow(picture, list(views), list(visible)) | same
        return float(surface[tellable].mean()), float(alike[tellable].mean())

    def _views(self, index: int, box: tuple[slice, slice], others: list[int]) -> tuple[Array, Array]:
        """What other frames show at the still points of a part of this one, (n, h, w, 3), and where they see them."""
        height, width = self._images.shape[1:3]
        poses, lenses = self._solution.camera_from_world, self._intrinsics
        distance = np.asarray(self._depth.depth[index][box], np.float64)
        # A camera that only turns sees the same at any depth.
        on_something = (distance > 0) | (self._solution.mode is SolveMode.TRIPOD)
        places = grid(width, height)[box].astype(np.float64)
        world = transform(inverse(poses[index]), unproject(places, np.where(distance > 0, distance, 1), lenses[index]))
        views, visible = [], []
        for other in others:
            places, far = project(transform(poses[other], world), lenses[other])
            nearest = sample(self._depth.depth[other], places, nearest=True)
            seen = inside(places, width, height) & (far > 0) & on_something
            seen &= (distance <= 0) | (nearest <= 0) | (nearest >= _NEARER * far)
            seen &= sample(self._motion.moving[other], places) < _MOVING
            views.append(sample(self._images[other], places))
            visible.append(seen)
        return np.stack(views), np.stack(visible)
