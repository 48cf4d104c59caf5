"""Which moving pixels belong to one thing, over the whole shot.

Labels are carried along the flow from frame to frame, so that two things that cross stay two; what was hidden is known
again by its colors and where it was heading. Regions are given to lost things one to one by the least total cost (H.
Kuhn, "The Hungarian method for the assignment problem", 1955; A. Bewley et al., "Simple online and realtime tracking",
ICIP 2016).
"""

from dataclasses import dataclass, field

import cv2
import numpy as np
from scipy.ndimage import distance_transform_edt
from scipy.optimize import linear_sum_assignment

from model_server.geometry.pixel_map import PixelMap
from model_server.geometry.shot import Array, DepthMaps, Layer, Layers, Motion, Progress, Solution
from model_server.pipeline.optical_flow import DenseFlow, grid, sample
from model_server.pipeline.thing_groups import group_things

MOVING = 127  # above this a pixel counts as moving
_MOST_LAYERS = 254
_GAP = 0.012  # of the picture's width: parts this near are one region
_SAME = 0.25  # share of the smaller one's pixels by which a region holds a thing of the frame before
_COLOR_PATCH = 7  # pixels
_LOST_FRAMES = 12  # for which a hidden thing is remembered
_REUNION_COST = 0.7
_LEAST_AREA = 5e-4  # of the picture, mean over the frames that show the thing, and over no fewer than ...
_FLEETING = 12  # ... frames: what passes in less must be larger to be worth a layer
_LEAST_FRAMES = 5


@dataclass
class _Thing:
    """What is remembered of one thing while the shot is gone through."""

    id: int
    last: int
    center: Array  # (2,) pixels
    velocity: Array  # (2,) pixels per frame
    radius: float  # pixels
    colors: Array = field(repr=False)  # normalized histogram


def follow_things(
    images: Array, pixels: PixelMap, motion: Motion, depth: DepthMaps, solution: Solution, progress: Progress
) -> Layers:
    """Number the moving things; a thing keeps its number through short occlusions and crossings.

    Args:
        images: (F, H, W, 3) uint8 sRGB, undistorted.
        motion: what moves.

    Returns:
        Labels of at most 254 things, the largest first, named "Thing 1" and on. Specks and what shows for less than 5
        frames get no layer, though they stay in `motion`.
    """
    labels = np.zeros(motion.moving.shape, np.int32)
    follower = _Follower(images)
    for index in range(len(labels)):
        labels[index] = follower.frame(index, np.asarray(motion.moving[index]) > MOVING, labels[index - 1])
        progress(0.9 * (index + 1) / len(labels))
    group_of = group_things(labels, follower.count, _gap(motion.moving.shape[2]))
    layers = _layers(labels, group_of)
    progress(1.0)
    return layers


def _layers(labels: Array, group_of: Array) -> Layers:
    """Keep the groups worth a layer and number them by size."""
    areas = np.stack([np.bincount(group_of[frame].ravel(), minlength=len(group_of)) for frame in labels])
    areas[:, 0] = 0
    life = (areas > 0).sum(0)
    size = areas.sum(0)
    least = min(_LEAST_FRAMES, len(labels))
    enough = _LEAST_AREA * labels[0].size * np.maximum(life, min(_FLEETING, len(labels)))
    kept = [g for g in np.argsort(-size) if life[g] >= least and size[g] >= enough[g]]
    number = np.zeros(len(group_of), np.uint8)
    things = []
    for position, group in enumerate(kept[:_MOST_LAYERS], start=1):
        number[group] = position
        seen = np.flatnonzero(areas[:, group])
        things.append(Layer(position, f"Thing {position}", int(seen[0]), int(seen[-1])))
    result = np.zeros(labels.shape, np.uint8)
    for index, frame in enumerate(labels):
        result[index] = number[group_of[frame]]
    return Layers(result, tuple(things))


class _Follower:
    """Goes through the shot once and gives every moving pixel the id of a thing, 1 and up."""

    def __init__(self, images: Array) -> None:
        self._images, self._flow = images, DenseFlow()
        self._things: dict[int, _Thing] = {}
        self.count = 0  # ids that were given

    def frame(self, index: int, moving: Array, before: Array) -> Array:
        """(H, W) int32 ids of this frame, from its moving pixels and the ids of the frame before."""
        regions = _regions(moving)
        carried = np.zeros(moving.shape, np.int32)
        if index and regions.any() and before.any():
            flow = self._flow(self._images[index], self._images[index - 1])
            places = grid(moving.shape[1], moving.shape[0]) + flow
            carried = sample(before.astype(np.float32), places, nearest=True).astype(np.int32)
        result = np.zeros(moving.shape, np.int32)
        areas = np.bincount(carried.ravel(), minlength=self.count + 1)
        held_by: dict[int, list[Array]] = {}
        new = []
        for region in range(1, int(regions.max()) + 1):
            here = regions == region
            held = np.bincount(carried[here], minlength=self.count + 1)
            held[0] = 0
            ids = [int(i) for i in np.flatnonzero(held) if held[i] > _SAME * min(areas[i], here.sum())]
            if ids:
                result[here] = self._shared(index, carried, ids, here)
            else:
                new.append(here)
            if len(ids) == 1:
                held_by.setdefault(ids[0], []).append(here)
        # What comes out from behind a thing was first taken for a part of it.
        spare = [here for thing, parts in held_by.items() for here in self._least_like(index, thing, parts)]
        present = {int(i) for i in np.unique(result[result > 0])}
        for here, thing in zip(new + spare, self._reunited(index, new + spare, present)):
            if thing is not None:
                result[here] = thing
        for here in new:
            if not result[here].any():
                self.count += 1
                result[here] = self.count
        self._remember(index, result)
        return result

    def _shared(self, index: int, carried: Array, ids: list[int], here: Array) -> Array:
        """Ids for the pixels of a region that holds several things: by their colors, in doubt by what is nearest."""
        if len(ids) == 1:
            return np.full(int(here.sum()), ids[0])
        rows, columns = distance_transform_edt(
            ~(here & np.isin(carried, ids)), return_distances=False, return_indices=True
        )
        nearest = carried[rows, columns]
        bins = _bins(self._images[index])
        odds = []
        for thing in ids:
            likely = cv2.blur(self._things[thing].colors[bins].astype(np.float32), (_COLOR_PATCH, _COLOR_PATCH))
            odds.append(np.log(likely[here] + 1e-3) + (nearest == thing)[here])
        return np.asarray(np.array(ids)[np.argmax(odds, axis=0)])

    def _least_like(self, index: int, thing: int, parts: list[Array]) -> list[Array]:
        """All parts but the one whose colors are the thing's."""
        if len(parts) < 2:
            return []
        known = self._things[thing].colors
        best = int(np.argmax([np.sqrt(_colors(self._images[index], part) * known).sum() for part in parts]))
        return parts[:best] + parts[best + 1 :]

    def _reunited(self, index: int, regions: list[Array], present: set[int]) -> list[int | None]:
        """For each region the id of the hidden thing that it must be."""
        hidden = [t for t in self._things.values() if t.id not in present and index - t.last <= _LOST_FRAMES]
        found: list[int | None] = [None] * len(regions)
        if regions and hidden:
            costs = np.array([[self._cost(index, region, thing) for thing in hidden] for region in regions])
            for row, column in zip(*linear_sum_assignment(costs)):
                if costs[row, column] < _REUNION_COST:
                    found[row] = hidden[column].id
        return found

    def _cost(self, index: int, region: Array, thing: _Thing) -> float:
        """0 the same .. 1 something else: half colors (Bhattacharyya distance), half way off where it was heading."""
        center, radius = _place(region)
        expected = thing.center + thing.velocity * (index - thing.last)
        reach = 2 * max(radius, thing.radius) + 2 * float(np.linalg.norm(thing.velocity)) * (index - thing.last)
        likeness = float(np.sqrt(_colors(self._images[index], region) * thing.colors).sum())
        away = min(1.0, float(np.linalg.norm(center - expected)) / max(reach, 1.0))
        return 1.0 if away == 1.0 else 0.5 * np.sqrt(max(0.0, 1 - likeness)) + 0.5 * away

    def _remember(self, index: int, labels: Array) -> None:
        for thing_id in np.unique(labels[labels > 0]):
            here = labels == thing_id
            center, radius = _place(here)
            known = self._things.get(thing_id)
            step = (center - known.center) / (index - known.last) if known else np.zeros(2)
            velocity = 0.7 * known.velocity + 0.3 * step if known else step
            colors = _colors(self._images[index], here)
            colors = 0.8 * known.colors + 0.2 * colors if known else colors
            self._things[int(thing_id)] = _Thing(int(thing_id), index, center, velocity, radius, colors)


def _gap(width: int) -> int:
    return max(1, round(_GAP * width))


def _regions(moving: Array) -> Array:
    """(H, W) int32 regions of moving pixels, 1 and up; parts a small gap apart are one."""
    side = 2 * (_gap(moving.shape[1]) // 2) + 1
    near = cv2.dilate(moving.astype(np.uint8), cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side)))
    return np.asarray(np.where(moving, cv2.connectedComponents(near)[1], 0))


def _place(region: Array) -> tuple[Array, float]:
    """Center (x, y) and radius of a disk of the same area, pixels."""
    y, x = np.nonzero(region)
    return np.array([x.mean(), y.mean()]), float(np.sqrt(len(x) / np.pi))


def _colors(image: Array, region: Array) -> Array:
    """Histogram of 8 x 8 x 8 colors, sum 1."""
    bins = _bins(image[region])
    return np.bincount(bins, minlength=512) / max(1, len(bins))


def _bins(colors: Array) -> Array:
    return np.asarray((colors.astype(np.int32) // 32) @ np.array([64, 8, 1]))
