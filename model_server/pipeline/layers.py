"""Which moving pixels belong to one thing, over the whole shot.

Parts are followed from frame to frame (`thing_follower`), those that stay together are one thing (`thing_groups`), and
what came apart is followed back to where it still was in one with another (`thing_origins`). What shows nothing but the
still scene is no thing (`false_things`).
"""

import tempfile
from dataclasses import replace

import cv2
import numpy as np

from model_server.geometry.pixel_map import PixelMap
from model_server.geometry.shot import Array, DepthMaps, Layer, Layers, Motion, Progress, Solution
from model_server.pipeline.false_things import Scenery
from model_server.pipeline.thing_follower import ThingFollower, gap_px
from model_server.pipeline.thing_groups import group_things
from model_server.pipeline.thing_origins import traced_back
from model_server.pipeline.thing_ways import MOVING, Way, ways_back

_MOST_LAYERS = 254
_LEAST_AREA = 5e-4  # of the picture, mean over the frames that show the thing, and over no fewer than ...
_FLEETING = 12  # ... frames: what passes in less must be larger to be worth a layer
_LEAST_FRAMES = 5
_PIECE = 0.3  # of a frame's largest one: smaller ones may be pieces of shadows ...
_SPECK = 1e-4  # ... but those under this share of the picture are not worth a look


def follow_things(
    images: Array, pixels: PixelMap, motion: Motion, depth: DepthMaps, solution: Solution, progress: Progress
) -> Layers:
    """Number the moving things; a thing keeps its number through short occlusions and crossings.

    Args:
        images: (F, H, W, 3) uint8 sRGB, undistorted.
        motion: what moves.
        depth: of what stands still; with the cameras of `solution` it tells shadows and mistakes from things.

    Returns:
        Labels of at most 254 things, the largest first, named "Thing 1" and on. Specks, what shows for less than 5
        frames, and what shows nothing but the still scene get no layer, though they stay in `motion`.
    """
    with tempfile.TemporaryFile() as file:
        parts = np.memmap(file, np.int32, "w+", shape=motion.moving.shape)
        scenery = Scenery(images, pixels, depth, motion, solution)
        return _followed(images, motion, parts, scenery, progress)


def _followed(images: Array, motion: Motion, parts: Array, scenery: Scenery, progress: Progress) -> Layers:
    """The layers; `parts` (F, H, W) int32 zeros is for keeping the labels on the way."""
    follower = ThingFollower()
    ways: list[Way] = []
    for index, way in enumerate(ways_back(images, motion.moving)):
        moving = np.asarray(motion.moving[index]) > MOVING
        people = np.zeros(moving.shape, bool) if motion.people is None else np.asarray(motion.people[index])
        before = np.asarray(parts[max(0, index - 1)])
        parts[index] = follower.frame(index, np.asarray(images[index]), moving, people, way, before)
        ways.append(way)
        progress(0.8 * (index + 1) / len(parts))
    _forget_scenery(parts, follower.count, scenery)
    progress(0.85)
    layers = _layers(parts, group_things(parts, follower.count, gap_px(images.shape[2])))
    progress(0.9)
    traced_back(layers.labels, images, ways)
    progress(1.0)
    return replace(layers, things=tuple(_shown(thing, layers.labels) for thing in layers.things))


def _forget_scenery(parts: Array, count: int, scenery: Scenery) -> None:
    """Take the ids from parts that show nothing but the still scene, if they are large enough to matter.

    A part may be a shadow in some frames and a limb in others: its pieces are looked at too.
    """
    areas = _areas(parts, count)
    large = np.flatnonzero(areas.sum(0) >= _LEAST_AREA * parts[0].size * min(_LEAST_FRAMES, len(parts)))
    scene = [int(part) for part in large if scenery.is_all_of(parts, int(part), areas[:, part])]
    for index, frame in enumerate(parts):
        frame[np.isin(frame, scene)] = 0
        pieces, count, sizes = _pieces(frame)
        for piece in range(1, count):
            if _SPECK * frame.size < sizes[piece] < _PIECE * sizes.max() and scenery.is_here(index, pieces == piece):
                frame[pieces == piece] = 0


def _pieces(labels: Array) -> tuple[Array, int, Array]:
    """(H, W) connected pieces, how many with the background, and their pixels; the background has none."""
    count, pieces, stats, _ = cv2.connectedComponentsWithStats((labels > 0).astype(np.uint8))
    sizes = stats[:, cv2.CC_STAT_AREA].copy()
    sizes[0] = 0
    return pieces, count, sizes


def _areas(labels: Array, count: int) -> Array:
    """(F, count + 1) pixels of each id; none of id 0."""
    areas = np.stack([np.bincount(frame.ravel(), minlength=count + 1) for frame in labels])
    areas[:, 0] = 0
    return areas


def _shown(thing: Layer, labels: Array) -> Layer:
    seen = [index for index, frame in enumerate(labels) if (frame == thing.id).any()]
    return replace(thing, first=seen[0], last=seen[-1])


def _layers(parts: Array, group_of: Array) -> Layers:
    """Keep the groups worth a layer and number them by size."""
    areas = np.stack([np.bincount(group_of[frame].ravel(), minlength=len(group_of)) for frame in parts])
    areas[:, 0] = 0
    life, size = (areas > 0).sum(0), areas.sum(0)
    least = min(_LEAST_FRAMES, len(parts))
    enough = _LEAST_AREA * parts[0].size * np.maximum(life, min(_FLEETING, len(parts)))
    kept = [g for g in np.argsort(-size, kind="stable") if life[g] >= least and size[g] >= enough[g]][:_MOST_LAYERS]
    number = np.zeros(len(group_of), np.uint8)
    number[kept] = np.arange(1, len(kept) + 1)
    labels = np.zeros(parts.shape, np.uint8)
    for index, frame in enumerate(parts):
        labels[index] = number[group_of[frame]]
    things = [Layer(n, f"Thing {n}", 0, len(parts) - 1) for n in range(1, len(kept) + 1)]
    return Layers(labels, tuple(things))
