"""Shadows that move, as a layer of their own: not a thing, but what a compositor wants to hold beside one.

A frame is compared with others before and after it, brought to its view as if all stood still. Where it shows the same
surface with less light on it, as `shadows.in_shadow` tells, something else stands in the light there. A shadow that
never moves is in all of them and is none to this measure.
"""

from dataclasses import dataclass, replace

import cv2
import numpy as np

from model_server.geometry.pixel_map import PixelMap
from model_server.geometry.shot import Array, DepthMaps, Layer, Layers, Motion, Progress, Solution, SolveMode
from model_server.pipeline.optical_flow import inside, sample
from model_server.pipeline.shadows import in_shadow
from model_server.pipeline.still_view import StillView

NAME = "Shadows"
_GAPS = (2, 4, 8, 16)  # frames, before and after: slow shadows need the long ones to have left the place
_OCCLUDED = 0.93  # something this much nearer stands in between
_MOVING = 127
_SPECK = 5  # pixels: narrower is noise
_LEAST_SHARE = 1e-3  # of the picture, below which a region is a speck
_MOST_LAYERS = 254


@dataclass(frozen=True)
class Shadows:
    masks: Array  # (F, H, W) uint8: 1 in a moving shadow; undistorted


def find_shadows(
    images: Array, pixels: PixelMap, depth: DepthMaps, motion: Motion, solution: Solution, progress: Progress
) -> Shadows:
    """Look for moving shadows on what stands still.

    Args:
        images: (F, H, W, 3) uint8 sRGB, undistorted.
        depth: of what stands still; where it is unknown no shadow is found, but on a tripod.
        motion: things; none of their pixels is a shadow.
        solution: cameras; frames without a pose have no shadows.
    """
    masks = np.zeros(images.shape[:3], np.uint8)
    known = np.isfinite(solution.camera_from_world[:, 0, 0])
    intrinsics = pixels.model_intrinsics(solution.intrinsics)
    for index in np.flatnonzero(known):
        views, visible = [], []
        for gap in (*(-gap for gap in _GAPS), *_GAPS):
            other = int(index) + gap
            if 0 <= other < len(images) and known[other]:
                view, seen = _still_view(images, depth, motion, solution, intrinsics, int(index), other)
                views.append(view)
                visible.append(seen)
        shadow = in_shadow(np.asarray(images[index]), views, visible)
        masks[index] = _whole(shadow & (np.asarray(motion.moving[index]) <= _MOVING))
        progress((int(index) + 1) / len(images))
    return Shadows(masks)


def with_shadows(layers: Layers, shadows: Shadows) -> Layers:
    """The layers and after them the shadows, where they are on no thing; the same where there are none."""
    shown = np.flatnonzero(shadows.masks.any(axis=(1, 2)))
    number = max((thing.id for thing in layers.things), default=0) + 1
    if not len(shown) or number > _MOST_LAYERS:
        return layers
    labels = np.array(layers.labels)
    labels[(labels == 0) & (shadows.masks > 0)] = number
    layer = Layer(number, NAME, int(shown[0]), int(shown[-1]))
    return replace(layers, labels=labels, things=(*layers.things, layer))


def _still_view(
    images: Array, depth: DepthMaps, motion: Motion, solution: Solution, intrinsics: Array, index: int, other: int
) -> tuple[Array, Array]:
    """Frame `other` as frame `index` would see it if all stood still, and (H, W) bool where it does."""
    height, width = images.shape[1:3]
    here, there = np.asarray(depth.depth[index]), np.asarray(depth.depth[other])
    inverse_depth = np.where(here > 0, 1 / np.maximum(here, 1e-9), 0).astype(np.float32)
    poses = solution.camera_from_world
    view = StillView(poses[index], poses[other], intrinsics[index], intrinsics[other], (width, height))
    places = view.positions(inverse_depth)
    # A camera that only turns sees the same at any depth.
    on_something = (here > 0) | (solution.mode is SolveMode.TRIPOD)
    seen = on_something & inside(places, width, height)
    nearer = sample(there, places, nearest=True)
    seen &= (here <= 0) | (nearer <= 0) | (nearer >= _OCCLUDED * view.depths(inverse_depth))
    seen &= sample(np.asarray(motion.moving[other]), places, nearest=True) <= _MOVING
    return np.asarray(sample(np.asarray(images[other]), places)), seen


def _whole(shadow: Array) -> Array:
    """(H, W) uint8 without specks and cracks."""
    around = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (_SPECK, _SPECK))
    mask = cv2.morphologyEx(shadow.astype(np.uint8), cv2.MORPH_OPEN, around)
    mask = cv2.morphologyEx(mask, cv2.MORPH_CLOSE, around)
    _, labels, stats, _ = cv2.connectedComponentsWithStats(mask)
    large = stats[:, cv2.CC_STAT_AREA] >= _LEAST_SHARE * mask.size
    large[0] = False
    return np.asarray(large[labels], np.uint8)
