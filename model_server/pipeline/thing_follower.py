"""Carries the ids of moving parts from frame to frame.

Ids go along the flow, so that two things that cross stay two; what was hidden is known again by its colors and where
it was heading. Regions are given to lost things one to one by the least total cost (H. Kuhn, "The Hungarian method for
the assignment problem", 1955; A. Bewley et al., "Simple online and realtime tracking", ICIP 2016). What comes apart
gets ids of its own; `thing_groups` finds out which of them are limbs of one body.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

import cv2
import numpy as np
from scipy.ndimage import find_objects
from scipy.optimize import linear_sum_assignment

from model_server.geometry.shot import Array
from model_server.pipeline.beside_people import beside_people
from model_server.pipeline.shared_region import color_histogram, shared
from model_server.pipeline.thing_ways import Way, carried_along

_GAP = 0.012  # of the picture's width: parts this near are one region
_SAME = 0.25  # share of the smaller one's pixels by which a region holds a part of the frame before
_HIDDEN = 0.2  # of its usual pixels, with fewer of which a part among others is hidden
_CRUMB = 0.04  # of the largest part's usual pixels: a smaller one would take what has its color from that
_YOUNG, _BUD = 5, 0.12  # the same for one that has shown in no more frames: a speck that just came up
_LOST_FRAMES = 12  # for which a hidden part is remembered
_FARTHEST = 0.3  # of the picture's width, from where it was expected, that it may come back
_REUNION_COST = 0.7
_OLDEST = 40  # frames up to which it counts for how long a pixel has been of a part
_MOST = 0.6  # of a part's pixels, which are where it is
_FRAGMENT = 0.05  # of a part's pixels: what comes off and is no larger stays it
Box = tuple[slice, slice]


@dataclass
class _Part:
    """What is remembered of one moving part while the shot is gone through."""

    last: int
    seen: int  # frames in which it showed
    center: Array  # (2,) pixels
    velocity: Array  # (2,) pixels per frame
    radius: float  # pixels
    area: float  # pixels that it usually shows
    colors: Array = field(repr=False)  # normalized histogram


@dataclass(frozen=True)
class _Region:
    """Moving pixels that hang together."""

    box: Box
    here: Array  # bool, in the box
    area: int


class ThingFollower:
    """Goes through the shot once and gives every moving pixel the id of a part, 1 and up."""

    def __init__(self) -> None:
        self._parts: dict[int, _Part] = {}
        self._ages: Array = np.zeros((0, 0), np.int16)
        self.count = 0  # ids that were given

    def frame(self, index: int, image: Array, moving: Array, people: Array, way: Way, before: Array) -> Array:
        """(H, W) int32 ids of this frame.

        Args:
            image: (H, W, 3) uint8.
            moving: (H, W) bool.
            people: (H, W) bool, who surely is a person: what is beside it is a part of its own, though they touch.
            way: where the moving pixels were in the frame before.
            before: (H, W) int32 ids of the frame before; zeros in the first.
        """
        carried = carried_along(way, before)
        ages = carried_along(way, self._ages) if index else np.zeros(before.shape, np.int16)
        result = np.zeros(moving.shape, np.int32)
        areas = np.bincount(carried.ravel(), minlength=self.count + 1)
        alone: dict[int, list[_Region]] = {}
        new: list[_Region] = []
        holding: list[tuple[_Region, list[int]]] = []
        beside = beside_people(moving, people)
        aside = 2 * np.bincount(carried[beside], minlength=self.count + 1) > areas  # what lies mostly beside people
        for region, side in self._sided(_regions(moving), people, beside, carried, areas, aside):
            ids = self._held(region, carried, areas)
            ids = [i for i in ids if side is None or aside[i] == side]
            if not ids:
                new.append(region)
                continue
            holding.append((region, ids))
            if len(ids) == 1:
                alone.setdefault(ids[0], []).append(region)
        for region, ids in holding:
            if len(ids) > 1:
                ids = [i for i in ids if not _has_left(i, region, alone.get(i, []), carried)] or ids
            colors = {i: self._parts[i].colors for i in ids}
            unlikely = {i: (people if aside[i] else beside)[region.box] for i in ids}
            result[region.box][region.here] = shared(
                image[region.box], carried[region.box], colors, region.here, unlikely
            )
        # What comes out from behind a part, or comes off it, was first taken for it.
        off: list[_Region] = []
        for thing, regions in alone.items():
            among = int(ages[result == thing].sum()) - sum(_sum(ages, region) for region in regions)
            off += self._off(image, thing, regions, ages, among)
        present = {int(i) for i in np.unique(result[result > 0])}
        for region, hidden in zip(off + new, self._reunited(index, image, off + new, present)):
            if hidden is None:
                self.count += 1
            result[region.box][region.here] = hidden or self.count
        self._remember(index, image, result)
        self._ages = np.where(result > 0, np.where(result == carried, np.minimum(ages, _OLDEST) + 1, 1), 0)
        return result

    def _held(self, region: _Region, carried: Array, areas: Array) -> list[int]:
        """The parts of the frame before that a region holds."""
        held = np.bincount(carried[region.box][region.here], minlength=self.count + 1)
        held[0] = 0
        ids = [int(i) for i in np.flatnonzero(held) if held[i] > _SAME * min(areas[i], region.area)]
        if len(ids) > 1:  # what is all but covered by another is hidden, until it comes out
            ids = [i for i in ids if held[i] > _HIDDEN * self._parts[i].area] or ids
            most = max(self._parts[i].area for i in ids)
            ids = [i for i in ids if self._parts[i].area > (_BUD if self._parts[i].seen <= _YOUNG else _CRUMB) * most]
        return ids

    def _sided(
        self, regions: list[_Region], people: Array, beside: Array, carried: Array, areas: Array, aside: Array
    ) -> Iterator[tuple[_Region, bool | None]]:
        """Regions, and whether they lie beside people; those that hold both are cut, unless both are known."""
        for region in regions:
            there = region.here & beside[region.box]
            kinds = {bool(aside[i]) for i in self._held(region, carried, areas)}
            touching = there.any() and (region.here & people[region.box]).any()
            if not touching or len(kinds) > 1:
                yield region, None
                continue
            for mask, side in ((region.here & ~there, False), (there, True)):
                whole = np.zeros(beside.shape, bool)
                whole[region.box] = mask
                yield from ((piece, side) for piece in _regions(whole))

    def _off(self, image: Array, part: int, regions: list[_Region], ages: Array, among: int) -> list[_Region]:
        """All regions of a part but the one that has been its own for longest, and small fragments.

        Colors have a say too; of what has only just come out behind it they have often been learned as well.

        Args:
            regions: that hold nothing else.
            ages: (H, W) frames for which pixels have been of their part.
            among: the sum of ages of what the part has in regions that it shares.
        """
        known = self._parts[part].colors
        likeness = [_sum(ages, region) * _likeness(_colors(image, region), known) for region in regions]
        best = int(np.argmax(likeness)) if max(likeness) >= among else -1
        whole = sum(region.area for region in regions)
        return [r for n, r in enumerate(regions) if n != best and r.area > _FRAGMENT * whole]

    def _reunited(self, index: int, image: Array, regions: list[_Region], present: set[int]) -> list[int | None]:
        """For each region the id of the hidden part that it must be."""
        hidden = [i for i, part in self._parts.items() if i not in present and index - part.last <= _LOST_FRAMES]
        found: list[int | None] = [None] * len(regions)
        if regions and hidden:
            farthest = _FARTHEST * image.shape[1]
            costs = np.array([self._costs(index, image, region, hidden, farthest) for region in regions])
            for row, column in zip(*linear_sum_assignment(costs)):
                if costs[row, column] < _REUNION_COST:
                    found[row] = hidden[column]
        return found

    def _costs(self, index: int, image: Array, region: _Region, hidden: list[int], farthest: float) -> list[float]:
        place, colors = _place(region), _colors(image, region)
        return [_cost(index, place, colors, self._parts[i], farthest) for i in hidden]

    def _remember(self, index: int, image: Array, labels: Array) -> None:
        for part, box in enumerate(find_objects(labels), start=1):
            if box is None:
                continue
            here = labels[box] == part
            region = _Region(box, here, int(here.sum()))
            center, radius = _place(region)
            known = self._parts.get(part)
            step = (center - known.center) / (index - known.last) if known else np.zeros(2)
            velocity = 0.7 * known.velocity + 0.3 * step if known else step
            colors = _colors(image, region)
            colors = 0.8 * known.colors + 0.2 * colors if known else colors
            seen = known.seen + 1 if known else 1
            area = 0.9 * known.area + 0.1 * region.area if known else float(region.area)
            self._parts[part] = _Part(index, seen, center, velocity, radius, max(area, region.area), colors)


def _has_left(part: int, region: _Region, alone: list[_Region], carried: Array) -> bool:
    """Whether a part, most of which is in regions of its own, only seems to be in one with others.

    Where things were one region, like colors take pixels from each other; when they part again, these must go back.
    """
    own = sum(other.area for other in alone)
    return bool(own > _MOST * (own + np.count_nonzero(carried[region.box][region.here] == part)))


def gap_px(width: int) -> int:
    """How far apart moving pixels may be that hang together, in a picture of this width."""
    return max(1, round(_GAP * width))


def _regions(moving: Array) -> list[_Region]:
    """Regions of moving pixels; those a small gap apart are one."""
    side = 2 * (gap_px(moving.shape[1]) // 2) + 1
    near = cv2.dilate(moving.astype(np.uint8), cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side)))
    labels = np.where(moving, cv2.connectedComponents(near)[1], 0)
    regions = []
    for number, box in enumerate(find_objects(labels), start=1):
        if box is not None:
            here = labels[box] == number
            regions.append(_Region(box, here, int(here.sum())))
    return regions


def _cost(index: int, place: tuple[Array, float], colors: Array, part: _Part, farthest: float) -> float:
    """0 the same .. 1 something else: half colors (Bhattacharyya distance), half way off where it was heading.

    A part that stopped is where it was last seen; `farthest` pixels from either it is another.
    """
    center, radius = place
    gone = index - part.last
    speed = float(np.linalg.norm(part.velocity))
    off = min(float(np.linalg.norm(center - part.center - way)) for way in (part.velocity * gone, np.zeros(2)))
    reach = min(2 * max(radius, part.radius) + 2 * speed * gone, farthest)
    likeness = _likeness(colors, part.colors)
    away = min(1.0, off / max(reach, 1.0))
    return 1.0 if away == 1.0 else 0.5 * np.sqrt(max(0.0, 1 - likeness)) + 0.5 * away


def _likeness(first: Array, second: Array) -> float:
    """0..1 (Bhattacharyya), by bins twice as wide: a small part leaves most of the fine ones empty."""
    one, other = (colors.reshape(8, 2, 8, 2, 8, 2).sum(axis=(1, 3, 5)) for colors in (first, second))
    return float(np.sqrt(one * other).sum())


def _sum(values: Array, region: _Region) -> int:
    return int(values[region.box][region.here].sum())


def _place(region: _Region) -> tuple[Array, float]:
    """Center (x, y) and radius of a disk of the same area, pixels."""
    y, x = np.nonzero(region.here)
    corner = np.array([region.box[1].start, region.box[0].start])
    return corner + np.array([x.mean(), y.mean()]), float(np.sqrt(len(x) / np.pi))


def _colors(image: Array, region: _Region) -> Array:
    return color_histogram(image[region.box][region.here])
