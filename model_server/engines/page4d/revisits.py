"""Places that the camera comes back to: far-apart frames that look alike and show the same shape."""

from dataclasses import dataclass

import cv2
import numpy as np

from model_server.engines.page4d.shot_files import ShotFiles
from model_server.engines.page4d.similarity import Similarity
from model_server.engines.page4d.similarity_fit import fit_similarity
from model_server.engines.page4d.window import WindowGeometry
from model_server.geometry.cameras import inverse, pixel_centers, project, transform, unproject
from model_server.geometry.shot import Array

_MOST_SIGHTS = 400
_THUMBNAIL = (64, 48)
_LIKE = 0.35  # correlation of two thumbnails' gradients, less what all of the shot has in common
_MOST_CHECKS, _MOST_LOOPS = 32, 16
_FEATURES, _RATIO = 2000, 0.8
_EPIPOLAR_PX = 2.0
_FEWEST = 25  # features that must lie on one shape
_CLOSE = 0.05  # relative to depth
_GRID, _FEWEST_CELLS = 4, 5  # cells a side, and how many must hold such features
_SAME_DEPTH = 0.15  # log
_IN_VIEW, _SAME_SHAPE, _SAME_LOOKS = 0.3, 0.6, 0.7  # shares that must hold
_PATCH_SHARE, _PATCH_LIKE, _PLAIN = 0.08, 0.4, 4.0  # of the width; correlation; gray levels of deviation
_MOVING = 0.5


@dataclass(frozen=True)
class Loop:
    """The same place at two times."""

    first: int  # frame indices
    second: int
    first_from_second: Similarity  # world as frame `second` has it -> world as `first` has it
    features: int  # that hold it


class Sights:
    """What frames look like, in few numbers: at most 400 frames, evenly over the shot, whatever its length."""

    def __init__(self) -> None:
        self.frames: list[int] = []
        self._looks: list[Array] = []
        self._stride = 1

    def add(self, frame: int, image: Array) -> None:
        """The next frame, (H, W, 3) uint8."""
        if frame % self._stride:
            return
        self.frames.append(frame)
        self._looks.append(_look(image))
        if len(self.frames) > _MOST_SIGHTS:
            self._stride *= 2
            kept = [index for index, known in enumerate(self.frames) if known % self._stride == 0]
            self.frames, self._looks = [self.frames[i] for i in kept], [self._looks[i] for i in kept]

    def pairs(self, gap: int) -> list[tuple[int, int]]:
        """Frames at least `gap` apart that look alike, the best first, each pair away from the others."""
        if len(self.frames) < 2 or self.frames[-1] - self.frames[0] < gap:
            return []
        frames, looks = np.array(self.frames), np.stack(self._looks)
        looks = looks - looks.mean(0)
        looks /= np.maximum(np.linalg.norm(looks, axis=1, keepdims=True), 1e-9)
        likeness = looks @ looks.T
        likeness[frames[None] - frames[:, None] < gap] = -1
        radius = max(1, gap // 4)
        found: list[tuple[int, int]] = []
        while len(found) < _MOST_CHECKS:
            a, b = np.unravel_index(np.argmax(likeness), likeness.shape)
            if likeness[a, b] < _LIKE:
                break
            found.append((int(frames[a]), int(frames[b])))
            likeness[np.ix_(np.abs(frames - frames[a]) < radius, np.abs(frames - frames[b]) < radius)] = -1
        return found


def find_loops(images: Array, sights: Sights, files: ShotFiles, gap: int) -> tuple[Loop, ...]:
    """Pairs of frames at least `gap` apart that are held to be one place, by features, by shape and by looks.

    Repeated things (two posters, two chairs) pass the first test alone: the rest of the picture contradicts them.

    Args:
        images: (F, H, W, 3) uint8 of the size of the maps in `files`.
    """
    loops = []
    for first, second in sights.pairs(gap):
        loop = _verified(images, files, first, second)
        if loop is not None:
            loops.append(loop)
        if len(loops) == _MOST_LOOPS:
            break
    return tuple(loops)


def _look(image: Array) -> Array:
    gray = cv2.resize(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), _THUMBNAIL, interpolation=cv2.INTER_AREA)
    gradients = cv2.HOGDescriptor(_THUMBNAIL, (16, 16), (8, 8), (8, 8), 9)  # Dalal and Triggs 2005
    return np.asarray(gradients.compute(gray), np.float32).ravel()


def _verified(images: Array, files: ShotFiles, first: int, second: int) -> Loop | None:
    sides = files.frame(first), files.frame(second)
    if not all(np.isfinite(side.camera_from_world).all() for side in sides):
        return None
    grays = [cv2.cvtColor(np.ascontiguousarray(images[index]), cv2.COLOR_RGB2GRAY) for index in (first, second)]
    pixels = _matches(grays[0], grays[1])
    if len(pixels[0]) < _FEWEST:
        return None
    (points_a, depth), (points_b, _) = (_points(side, place) for side, place in zip(sides, pixels))
    fit = fit_similarity(points_b, points_a, depth)
    if fit.b_from_a is None or fit.residual > _CLOSE:
        return None
    apart = np.linalg.norm(fit.b_from_a.points(points_b) - points_a, axis=-1)
    good = fit.inliers & (apart < _CLOSE * depth * 2)
    cells = np.unique((pixels[0][good] * _GRID / np.array(grays[0].shape[::-1])).astype(int), axis=0)
    if np.count_nonzero(good) < _FEWEST or len(cells) < _FEWEST_CELLS:
        return None
    if not _same_view(sides, grays, fit.b_from_a):
        return None
    return Loop(first, second, fit.b_from_a, int(np.count_nonzero(good)))


def _matches(first: Array, second: Array) -> tuple[Array, Array]:
    """(n, 2) pixels of each: SIFT features that are each other's nearest, clearly so, and on one epipolar geometry."""
    sift = cv2.SIFT_create(nfeatures=_FEATURES, contrastThreshold=0.02)  # type: ignore[attr-defined]
    (keys_a, looks_a), (keys_b, looks_b) = (sift.detectAndCompute(gray, None) for gray in (first, second))
    nothing = np.zeros((0, 2)), np.zeros((0, 2))
    if min(len(keys_a), len(keys_b)) < _FEWEST:
        return nothing
    matcher = cv2.BFMatcher()
    back = {match.queryIdx: match.trainIdx for match in matcher.match(looks_b, looks_a)}
    pairs = [
        (best.queryIdx, best.trainIdx)
        for best, next_best in matcher.knnMatch(looks_a, looks_b, k=2)
        if best.distance < _RATIO * next_best.distance and back.get(best.trainIdx) == best.queryIdx
    ]
    if len(pairs) < _FEWEST:
        return nothing
    a, b = (
        np.array([keys[pair[side]].pt for pair in pairs]) + 0.5 for side, keys in enumerate((keys_a, keys_b))
    )  # OpenCV's pixel centers are whole numbers
    _, inliers = cv2.findFundamentalMat(a, b, cv2.USAC_MAGSAC, _EPIPOLAR_PX, 0.999, 2000)
    if inliers is None:
        return nothing
    good = inliers[:, 0] > 0
    return a[good], b[good]


def _points(side: WindowGeometry, pixels: Array) -> tuple[Array, Array]:
    """(n, 3) in the world and (n,) depth; NaN where depth is unknown or things move."""
    height, width = side.depth.shape[1:]
    columns, rows = np.clip(pixels.astype(int), 0, [width - 1, height - 1]).T
    known = side.depth[0, rows, columns] > 0
    if side.motion is not None:
        known &= side.motion[0, rows, columns] <= _MOVING
    depth = np.where(known, side.depth[0, rows, columns], np.nan).astype(np.float64)
    return transform(inverse(side.camera_from_world[0]), unproject(pixels, depth, side.intrinsics[0])), depth


def _same_view(sides: tuple[WindowGeometry, WindowGeometry], grays: list[Array], first_from_second: Similarity) -> bool:
    """The second frame, drawn over the first by the first's depth, has the same shape and the same looks there."""
    first, second = sides
    height, width = first.depth.shape[1:]
    known = first.depth[0] > 0
    local = unproject(pixel_centers(width, height), first.depth[0].astype(np.float64), first.intrinsics[0])
    world = first_from_second.inverse.points(transform(inverse(first.camera_from_world[0]), local.reshape(-1, 3)))
    pixels, depth = project(transform(second.camera_from_world[0], world), second.intrinsics[0])
    pixels, depth = pixels.reshape(height, width, 2), depth.reshape(height, width)
    inside = known & (depth > 0) & (pixels >= 0).all(-1) & (pixels < np.array([width, height])).all(-1)
    if inside.sum() < _IN_VIEW * known.sum():
        return False
    places = np.where(inside[..., None], pixels, 0.5).astype(np.float32) - np.float32(0.5)
    shown = _drawn(second.depth[0], places, cv2.INTER_NEAREST)
    inside &= shown > 0
    apart = np.abs(np.log(np.where(inside, depth, 1)) - np.log(np.where(inside, shown, 1)))[inside]
    if not len(apart) or (apart < _SAME_DEPTH).mean() < _SAME_SHAPE:
        return False
    alike, textured = _alike(grays[0], _drawn(grays[1], places, cv2.INTER_LINEAR), inside)
    return bool(textured.any() and alike[textured].mean() >= _SAME_LOOKS)


def _drawn(image: Array, places: Array, interpolation: int) -> Array:
    x, y = places[..., 0], places[..., 1]
    return np.asarray(cv2.remap(image, x, y, interpolation, borderMode=cv2.BORDER_REPLICATE))


def _alike(a: Array, b: Array, inside: Array) -> tuple[Array, Array]:
    """(H, W) bool: patches that correlate, and patches where one side has texture to compare."""
    side = max(5, round(_PATCH_SHARE * a.shape[1])) | 1
    a, b = (np.where(inside, image, 0).astype(np.float64) for image in (a, b))
    weight = np.maximum(cv2.blur(inside.astype(np.float64), (side, side)), 1e-6)

    def mean(values: Array) -> Array:
        return np.asarray(cv2.blur(values, (side, side)) / weight)

    mean_a, mean_b = mean(a), mean(b)
    variance_a, variance_b = (np.maximum(mean(x * x) - m * m, 0) for x, m in ((a, mean_a), (b, mean_b)))
    correlation = (mean(a * b) - mean_a * mean_b) / np.maximum(np.sqrt(variance_a * variance_b), 1.0)
    textured = inside & (weight > 0.5) & (np.maximum(variance_a, variance_b) > _PLAIN**2)
    return correlation > _PATCH_LIKE, textured
