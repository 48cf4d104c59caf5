"""Follows a patch of a picture through the shot as one piece: where it goes, how it grows, what hides it.

Every frame is aligned with the patch as it was first seen, so that nothing drifts (G. Evangelidis, E. Psarakis,
"Parametric image alignment using enhanced correlation coefficient maximization", PAMI 2008), from where the patch was
heading. Pixels that look otherwise there are hidden, and have no say. A shadow that falls on it dims it: where it is
not found as it looked, it is looked for in the light that the frame shows.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import cv2
import numpy as np

from model_server.geometry.shot import Array
from model_server.pipeline.likeness import beyond, limits, smoothed
from model_server.pipeline.optical_flow import DenseFlow

_MARGIN = 10  # pixels around the patch, so that its outline is seen too
_LARGE = 128  # pixels, along the longer side
_FARTHEST = 40  # frames from where the patch was first seen
_LOST = 8  # frames for which it may be hidden
_PACE = 4  # frames over which its pace is measured
_SAME = 10  # levels beyond what the patch shows within a pixel
_LIGHT, _DIMMEST, _BRIGHTEST = 11, 0.3, 3.0  # pixels over which the light is even, and how much it may change
_LEAST, _LEAST_PIXELS = 0.3, 60  # share of the patch that must be seen, and pixels
_WHOLE = 0.55  # share from which growing and turning can be measured
_KEPT = 0.7  # share of what had a say that must look the same after
_LIKENESS = 0.9  # least correlation
_JUMP, _FIRST_JUMP = 3.0, 0.1  # pixels off its path, plus one for every frame it was lost; of its size when it has none
_WELL = 0.9  # share that is seen so well that no other light is tried
_MOSTLY = 0.7  # share that is seen so well that the flow is not asked for another place
_IN_OTHER_LIGHT = 0.85  # what a pixel counts that only matches in another light
_CRACK = 5  # pixels: what is closed
_STEPS = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, 20, 1e-4)


@dataclass(frozen=True)
class Patch:
    """Part of a frame, with some of what is around it; what is large is looked at in a smaller picture."""

    image_from_patch: Array  # (2, 3) float32, pixels counted from 0 at their centers
    picture: Array  # (h, w, 3) uint8
    here: Array  # (h, w) bool: its pixels
    factor: int  # pixels of the frame along one of the patch

    @staticmethod
    def of(image: Array, mask: Array) -> "Patch":
        """The pixels of an (H, W) bool mask, of which there must be some."""
        x, y, width, height = cv2.boundingRect(mask.astype(np.uint8))
        factor = 1
        while max(width, height) > _LARGE * factor:
            factor *= 2
        left, top = max(0, x - _MARGIN * factor), max(0, y - _MARGIN * factor)
        part = slice(top, y + height + _MARGIN * factor), slice(left, x + width + _MARGIN * factor)
        picture = _shrunk(image[part], factor)
        here = _shrunk(255 * mask[part].astype(np.uint8), factor) > 127
        return Patch(_large_from_small(factor, (left, top)), picture, here, factor)


@dataclass(frozen=True)
class Sighting:
    """A patch in one frame."""

    image_from_patch: Array  # (2, 3) float32, pixels counted from 0 at their centers
    alike: Array  # (h, w) bool: where the frame shows the same as the patch's picture, around the patch too
    matched: Array  # (h, w) bool: pixels of the patch that the frame shows

    def places(self, points: Array) -> Array:
        """Where (N, 2) pixels of the patch's picture lie in the frame; both are counted from 0 at pixel centers."""
        return _applied(self.image_from_patch, points)


class PatchFollower:
    """Finds patches again in the frames of a shot; may be used by several threads."""

    def __init__(self, images: Array) -> None:
        """(F, H, W, 3) uint8."""
        self._images, self._flow = images, DenseFlow()

    def follow(self, patch: Patch, index: int) -> dict[int, Sighting]:
        """Frames to sightings, that of frame `index` and those before and after up to where the patch is lost.

        What has too few pixels to be aligned, as a thread has in a smaller picture, is seen in its own frame only.
        """
        first = patch.image_from_patch
        found = {index: Sighting(first, np.ones(patch.here.shape, bool), patch.here)}
        if np.count_nonzero(patch.here) < _LEAST_PIXELS:
            return found
        look = _Look(patch)
        for way in (-1, 1):
            found.update(self._walk(look, index, first, way))
        return found

    def alike_at(self, patch: Patch, index: int, image_from_patch: Array) -> Array:
        """(h, w) bool: what of a patch's picture frame `index` shows at (3, 3) a homography, in whatever light."""
        return _Look(patch).alike_at(np.asarray(self._images[index]), image_from_patch)

    def _walk(self, look: "_Look", index: int, first: Array, way: int) -> Iterator[tuple[int, Sighting]]:
        known, lost = [(0, first)], 0
        for step in range(1, _FARTHEST + 1):
            last, other = index + way * (step - 1), index + way * step
            if not 0 <= other < len(self._images) or lost > _LOST:
                return
            image, jump = self._images[other], _JUMP + (lost if len(known) > 1 else _FIRST_JUMP * max(look.shape))
            sighting = look.found(image, _continued(known, step), jump) if len(known) > 1 else None
            if not lost and not look.is_mostly(sighting):
                carried = look.carried(known[-1][1], self._flow, self._images[last], image)
                sighting = look.better(sighting, look.found(image, carried, jump))
            if sighting is not None:
                known.append((step, sighting.image_from_patch))
                lost = 0
                yield other, sighting
            elif len(known) == 1:
                return
            else:
                lost += 1


def mark(sightings: dict[int, Sighting], pixels: Array, marked: Array) -> None:
    """Set (h, w) bool pixels of a patch, where they are seen, in (F, H, W) bool."""
    size = marked.shape[2], marked.shape[1]
    around = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (_CRACK, _CRACK))
    for index, sighting in sightings.items():
        whole = cv2.morphologyEx((sighting.alike & pixels).astype(np.uint8), cv2.MORPH_CLOSE, around)
        marked[index] |= cv2.warpAffine(255 * whole, sighting.image_from_patch, size, flags=cv2.INTER_LINEAR) > 127


def _continued(known: list[tuple[int, Array]], step: int) -> Array:
    """Where a patch is at a step if it goes on as in the last ones; `known` are steps and places, two at least."""
    (start, was), (end, now) = known[max(0, len(known) - 1 - _PACE)], known[-1]
    return np.asarray(now + (now - was) * ((step - end) / (end - start)), np.float32)


class _Look:
    """What a patch looks like, and finding it in a frame near where it should be."""

    def __init__(self, patch: Patch) -> None:
        self._here, self._factor = patch.here, patch.factor
        self.shape = patch.here.shape
        self._smooth = smoothed(patch.picture)
        self._limits = limits(self._smooth)
        near = np.ones((3, 3), np.uint8)
        self._wide = cv2.erode(self._limits[0], near), cv2.dilate(self._limits[1], near)
        self._gray = cv2.cvtColor(patch.picture, cv2.COLOR_RGB2GRAY)
        self._pixels = np.argwhere(patch.here)[:, ::-1].astype(np.float32)
        height, width = self.shape
        self._corners = np.array([[0, 0], [width, 0], [0, height], [width, height]], np.float32)

    def carried(self, at: Array, flow: DenseFlow, image: Array, other: Array) -> Array:
        """Where the patch went from one frame to the next, by the median of the flow of its pixels."""
        (left, top), (right, bottom) = self._box(at, image.shape)
        part = slice(top, bottom), slice(left, right)
        moved = flow(np.ascontiguousarray(image[part]), np.ascontiguousarray(other[part]))
        x, y = (np.rint(_applied(at, self._pixels)).astype(np.int64) - (left, top)).T
        shift = np.median(moved[np.clip(y, 0, len(moved) - 1), np.clip(x, 0, moved.shape[1] - 1)], axis=0)
        return np.asarray(at + np.column_stack([np.zeros((2, 2)), shift]))

    def found(self, image: Array, expected: Array, jump: float) -> Sighting | None:
        """The patch in a frame, no more than `jump` pixels from where it is expected, or None."""
        sighting = self._found_at(image, expected, jump, relit=False)
        if sighting is not None and np.count_nonzero(sighting.matched) > _WELL * len(self._pixels):
            return sighting
        return self.better(sighting, self._found_at(image, expected, jump, relit=True), _IN_OTHER_LIGHT)

    def is_mostly(self, sighting: Sighting | None) -> bool:
        """Whether most of the patch is seen."""
        return sighting is not None and bool(np.count_nonzero(sighting.matched) > _MOSTLY * len(self._pixels))

    def better(self, one: Sighting | None, other: Sighting | None, worth: float = 1.0) -> Sighting | None:
        """The one that shows more of the patch; the other's pixels count `worth` each."""
        if one is None or other is None:
            return one or other
        more = worth * np.count_nonzero(other.matched) > np.count_nonzero(one.matched)
        return other if more else one

    def _found_at(self, image: Array, expected: Array, jump: float, relit: bool) -> Sighting | None:
        (left, top), (right, bottom) = self._box(expected, image.shape)
        if min(right - left, bottom - top) < _MARGIN * self._factor:
            return None
        part = _shrunk(image[top:bottom, left:right], self._factor)
        image_from_part = _large_from_small(self._factor, (left, top))
        within = _product(cv2.invertAffineTransform(image_from_part), expected)
        found = self._aligned(part, within, jump, relit)
        return found and replace(found, image_from_patch=_product(image_from_part, found.image_from_patch))

    def alike_at(self, image: Array, image_from_patch: Array) -> Array:
        """(h, w) bool: what of the patch's picture an image shows at (3, 3) a homography, in whatever light."""
        how = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        small_from_image = np.vstack([cv2.invertAffineTransform(_large_from_small(self._factor, (0, 0))), [0, 0, 1]])
        small = _shrunk(image, self._factor)
        seen = smoothed(cv2.warpPerspective(small, small_from_image @ image_from_patch, self.shape[::-1], flags=how))
        lit = self._in_its_light(seen, np.ones(self.shape, bool))
        return np.asarray(np.minimum(*(beyond(s, *self._limits) for s in (seen, lit))) <= _SAME)

    def _aligned(self, part: Array, expected: Array, jump: float, relit: bool) -> Sighting | None:
        smooth = smoothed(part)
        near, shown = self._alike(smooth, expected, self._wide, relit)
        near, shown = near & self._here, shown & self._here
        if np.count_nonzero(shown) < _LEAST * len(self._pixels):
            return None
        # Alike by chance along the outline of what hides it: pixels whose neighbors differ have no say.
        sure = np.asarray(near & (cv2.erode((near | ~self._here).astype(np.uint8), np.ones((3, 3), np.uint8)) > 0))
        count = np.count_nonzero(sure)
        if count < max(_LEAST_PIXELS, _LEAST * len(self._pixels)):
            return None
        seen = self._warped(part, expected)
        seen = self._in_its_light(seen, sure) if relit else seen
        model = cv2.MOTION_AFFINE if count > _WHOLE * len(self._pixels) else cv2.MOTION_TRANSLATION
        mask, whole = sure.astype(np.uint8), np.full(self.shape, 255, np.uint8)
        try:
            likeness, change = cv2.findTransformECCWithMask(
                self._gray, cv2.cvtColor(seen, cv2.COLOR_RGB2GRAY), mask, whole, np.eye(2, 3, dtype=np.float32),
                model, _STEPS, 3,
            )  # fmt: skip
        except cv2.error:  # it does not converge
            return None
        at = _product(expected, change)
        if likeness < _LIKENESS or np.abs(_applied(at - expected, self._corners)).max() > jump:
            return None
        alike, _ = self._alike(smooth, at, self._limits, relit)
        matched = alike & self._here
        enough = np.count_nonzero(matched) >= _LEAST * len(self._pixels)
        kept = np.count_nonzero(matched & sure) >= _KEPT * count
        return Sighting(at, alike, matched) if enough and kept else None

    def _alike(self, smooth: Array, at: Array, allowed: tuple[Array, Array], relit: bool) -> tuple[Array, Array]:
        """(h, w) bool: what of the patch's picture looks the same at a place, and what of it lies in the image."""
        seen = self._warped(smooth, at)
        inside = cv2.warpAffine(
            np.ones(smooth.shape[:2], np.uint8), at, self.shape[::-1], flags=cv2.INTER_NEAREST | cv2.WARP_INVERSE_MAP
        )
        shown = np.asarray(inside > 0)
        seen = self._in_its_light(seen, shown) if relit else seen
        return (beyond(seen, *allowed) <= _SAME) & shown, shown

    def _warped(self, part: Array, at: Array) -> Array:
        how = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        return np.asarray(cv2.warpAffine(part, at, self.shape[::-1], flags=how))

    def _in_its_light(self, seen: Array, where: Array) -> Array:
        """What a frame shows of the patch, in the light in which the patch was first seen."""
        now, first = seen.astype(np.float32), self._smooth.astype(np.float32)
        size = _LIGHT, _LIGHT
        common, own = (cv2.transform(now * other, np.ones((1, 3), np.float32)) * where for other in (first, now))
        gain = cv2.blur(common, size) / np.maximum(cv2.blur(own, size), 1.0)
        return np.asarray(np.clip(now * np.clip(gain, _DIMMEST, _BRIGHTEST)[..., None], 0, 255), np.uint8)

    def _box(self, at: Array, shape: tuple[int, ...]) -> tuple[tuple[int, int], tuple[int, int]]:
        """First and last x, y of the part of a frame in which the patch lies, with room around it."""
        reach = 3 * _MARGIN * self._factor
        places = _applied(at, self._pixels)
        low = np.clip(places.min(0) - reach, 0, (shape[1], shape[0])).astype(int)
        high = np.clip(places.max(0) + reach, 0, (shape[1], shape[0])).astype(int)
        return (int(low[0]), int(low[1])), (int(high[0]), int(high[1]))


def _shrunk(image: Array, factor: int) -> Array:
    """The mean of every `factor` x `factor` pixels; what is left over on the right and below is cut off."""
    if factor == 1:
        return np.ascontiguousarray(image)
    height, width = image.shape[:2]
    size = max(1, width // factor) * factor, max(1, height // factor) * factor
    whole = image[: size[1], : size[0]]
    return np.asarray(cv2.resize(whole, (size[0] // factor, size[1] // factor), interpolation=cv2.INTER_AREA))


def _large_from_small(factor: int, corner: tuple[int, int]) -> Array:
    """(2, 3) float32: pixels of an image from those of a part of it, from `corner` on, that was shrunk."""
    middle = (factor - 1) / 2
    return np.array([[factor, 0, corner[0] + middle], [0, factor, corner[1] + middle]], np.float32)


def _product(one: Array, other: Array) -> Array:
    """(2, 3) float32: `other`, then `one`."""
    return np.column_stack([one[:, :2] @ other[:, :2], _applied(one, other[:, 2])]).astype(np.float32)


def _applied(affine: Array, points: Array) -> Array:
    """(2, 3) applied to (..., 2)."""
    return np.asarray(points @ affine[:, :2].T + affine[:, 2])
