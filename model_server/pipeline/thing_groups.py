"""Parts that stay together are one thing.

The parts of a body touch, or nearly, most of the time, or one is above the other: people are upright, and so are most
pictures. A limb that shows apart from it for a while is small and near. Things that only pass each other are far apart
before or after, or one has been on every side of the other.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from scipy.ndimage import find_objects

from model_server.geometry.shot import Array

_CELL = 4  # pixels: distances are measured between cells
_TOGETHER = 0.6  # of the frames that show both
_SHARED = 0.3  # of the life of the shorter-lived part, which must show both to tell
_APART = 0.15  # of the frames that show both: what is far so often is another thing
_FAR = 1.0  # times the size (root of the area) of the larger part, sideways ...
_HIGH = 2.5  # ... and upward, for a body is taller than it is wide
_LIMB = 0.4  # of the larger part's area, up to which a part may be a limb of it ...
_TOE = 0.05  # of the larger part's area, up to which a part that stays near is no other thing
_REACH = 0.3  # ... and need not touch: as near as this, times the larger part's size
_DRIFT = (
    0.3  # times the larger part's size: standard deviation of where the other is, seen from it, if both are large ...
)
_SWING = 0.7  # ... and if one is a limb


@dataclass(frozen=True)
class _Pairs:
    """How parts are to each other, (count + 1, count + 1): in how many frames both show, touch, and so on."""

    shown: Array
    touching: Array
    near: Array
    far: Array
    drift: Array  # standard deviation of the way between them, times the larger one's size
    life: Array  # (count + 1,) frames that show it
    size: Array  # (count + 1,) pixels in all of them

    def bond(self, part: int, larger: int) -> int:
        """How many frames say that two parts are one body; 0 where they are two things."""
        shown = self._shown(part, larger)
        together = (self.near if self._is_limb(part, larger) else self.touching)[part, larger]
        if not shown or self.apart(part, larger) or together <= _TOGETHER * shown:
            return 0
        return int(together + self.touching[part, larger])

    def apart(self, part: int, larger: int) -> bool:
        """Whether two parts are far from each other too often, or pass each other; False where that can't be told."""
        shown = self._shown(part, larger)
        if not shown or self.far[part, larger] > _APART * shown:
            return bool(shown)
        if self._share_of(part, larger) <= _TOE:  # it may be one of several that look alike
            return False
        return bool(self.drift[part, larger] > (_SWING if self._is_limb(part, larger) else _DRIFT))

    def _shown(self, part: int, larger: int) -> int:
        """Frames that show both; 0 where those are too few to tell."""
        shown = int(self.shown[part, larger])
        return shown if shown >= max(1, _SHARED * min(self.life[part], self.life[larger])) else 0

    def _is_limb(self, part: int, larger: int) -> bool:
        return self._share_of(part, larger) <= _LIMB

    def _share_of(self, part: int, larger: int) -> float:
        return float(self.size[part] / self.life[part] / (self.size[larger] / self.life[larger]))


def group_things(labels: Array, count: int, gap_px: int) -> Array:
    """Join parts that stay together: a person is one layer, not three.

    The largest parts come first; every other part joins the one that it is with most, if it is not apart from the
    largest part of that thing, or begins its own.

    Args:
        labels: (F, H, W) ids of parts, 0 nothing.
        count: the largest id.
        gap_px: parts no farther apart touch.

    Returns:
        (count + 1,) the group of each id; 0 stays 0, and groups are named by one of their ids.
    """
    cells = np.stack([_cells(frame) for frame in labels])
    areas = np.stack([np.bincount(frame.ravel(), minlength=count + 1) for frame in cells]) * _CELL**2
    areas[:, 0] = 0
    pairs = _pairs(cells, areas, gap_px)
    group = np.arange(count + 1)
    placed: list[int] = []
    for part in map(int, np.argsort(-pairs.size, kind="stable")):
        if not pairs.size[part]:
            continue
        bonds = {other: pairs.bond(part, other) for other in placed if not pairs.apart(part, int(group[other]))}
        best = max(bonds, key=lambda other: bonds[other], default=part)
        if bonds.get(best, 0) > 0:
            group[part] = group[best]
        placed.append(part)
    return group


def _pairs(cells: Array, areas: Array, gap_px: int) -> _Pairs:
    boxes = _boxes(cells, areas)
    shape = areas.shape[1], areas.shape[1]
    shown, touching, near, far = (np.zeros(shape, np.int32) for _ in range(4))
    for frame, area, box in zip(cells, areas, boxes):
        ids = np.flatnonzero(area)
        moving = frame > 0
        for part in ids if len(ids) > 1 else ():
            away = cv2.distanceTransform((frame != part).astype(np.uint8), cv2.DIST_L2, 3) * _CELL
            nearest = np.full(shape[0], np.inf)
            np.minimum.at(nearest, frame[moving], away[moving])
            gaps, others = np.maximum(nearest[ids] - _CELL, 0), ids != part
            size = np.sqrt(np.maximum(area[ids], area[part]))
            aside, above = np.maximum(box[ids, :2] - box[part, 2:], box[part, :2] - box[ids, 2:]).T
            stacked = (aside <= 0) & (above <= _HIGH * size)
            shown[part, ids] += others
            touching[part, ids] += others & (gaps <= gap_px)
            near[part, ids] += others & (stacked | (gaps <= np.maximum(gap_px, _REACH * size)))
            far[part, ids] += others & ((aside > np.maximum(gap_px, _FAR * size)) | (above > _HIGH * size))
    return _Pairs(shown, touching, near, far, _drift(boxes, areas), (areas > 0).sum(0), areas.sum(0))


def _boxes(cells: Array, areas: Array) -> Array:
    """(F, count + 1, 4) left, top, right, bottom of each part, pixels; NaN where it is not seen."""
    boxes = np.full((*areas.shape, 4), np.nan)
    for box, frame in zip(boxes, cells):
        for part, found in enumerate(find_objects(frame), start=1):
            if found is not None:
                rows, columns = found
                box[part] = _CELL * np.array([columns.start, rows.start, columns.stop, rows.stop])
    return boxes


def _drift(boxes: Array, areas: Array) -> Array:
    """(count + 1, count + 1): how much the way sideways from one part to another changes, times their size.

    Frames count by how much they show of both: what comes out from behind something has its middle elsewhere.
    """
    middle = (boxes[..., 0] + boxes[..., 2]) / 2
    share = areas / np.maximum(areas.max(axis=0), 1)
    drift = np.zeros((areas.shape[1],) * 2)
    for part in np.flatnonzero((areas > 0).any(axis=0)):
        way = (middle - middle[:, [part]]) / np.sqrt(np.maximum(np.maximum(areas, areas[:, [part]]), 1))
        weight = share * share[:, [part]] * np.isfinite(way)
        total = np.maximum(weight.sum(0), 1e-6)
        way = np.nan_to_num(way)
        mean = (weight * way).sum(0) / total
        drift[part] = np.sqrt((weight * (way - mean) ** 2).sum(0) / total)
    return drift


def _cells(frame: Array) -> Array:
    """(H / 4, W / 4) int32: the largest id in each cell."""
    height, width = (-(-size // _CELL) * _CELL for size in frame.shape)
    padded = np.zeros((height, width), np.int32)
    padded[: frame.shape[0], : frame.shape[1]] = frame
    return np.asarray(padded.reshape(height // _CELL, _CELL, width // _CELL, _CELL).max(axis=(1, 3)))
