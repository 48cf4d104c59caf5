"""Points of many frames, one for every cell of space.

A cell is as large as a pixel was where its point was seen, so near things keep their detail and far ones don't flood
the cloud. Where a place was seen from near and from afar, the finer points stay.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating]
Keys = NDArray[np.uint64]

# Primes of M. Teschner et al., "Optimized spatial hashing for collision detection of deformable objects" (VMV 2003),
# carried to 64 bits, where collisions among millions of cells are not to be expected.
_PRIMES = np.array([0x9E3779B185EBCA87, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9, 0x27D4EB2F165667C5], np.uint64)
_WAITING_POINTS = 4_000_000


@dataclass(frozen=True)
class _Cells:
    """What has fallen into cells; a cell may stand here more than once."""

    keys: Keys  # (N,)
    levels: NDArray[np.int16]  # (N,) log2 of the cells' size
    sums: Floats  # (7, N) position, color, count

    @staticmethod
    def of(positions: Floats, colors: NDArray[np.uint8], sizes: Floats) -> "_Cells":
        levels = np.ceil(np.log2(np.maximum(sizes, 1e-12))).astype(np.int16)
        sums = np.ones((7, len(positions)), np.float32)
        sums[:3], sums[3:6] = positions.T, colors.T
        return _Cells(_cell_keys(positions, levels), levels, sums)

    @staticmethod
    def merged(parts: "list[_Cells]") -> "_Cells":
        """All of the parts, every cell once."""
        keys = np.concatenate([part.keys for part in parts])
        if not len(keys):
            return _Cells(keys, np.zeros(0, np.int16), np.zeros((7, 0)))
        order = _order(keys)
        begins = np.append(True, keys[order[1:]] != keys[order[:-1]])
        cell = np.empty(len(keys), np.int64)
        cell[order] = np.cumsum(begins) - 1
        sums = [np.bincount(cell, np.concatenate([part.sums[row] for part in parts])) for row in range(7)]
        first = order[begins]
        return _Cells(keys[first], np.concatenate([part.levels for part in parts])[first], np.stack(sums))

    def grown(self) -> "_Cells":
        """The same in cells of twice the size."""
        levels = self.levels + np.int16(1)
        return _Cells(_cell_keys((self.sums[:3] / self.sums[6]).T, levels), levels, self.sums)


class PointCells:
    """Collects points, and gives one mean for every cell they fall into."""

    def __init__(self, most_points: int) -> None:
        """Hold at most `most_points`; where there are more, cells grow."""
        self._most_points = most_points
        self._parts: list[_Cells] = []
        self._waiting = 0  # points that may share their cell with others

    def add(self, positions: Floats, colors: NDArray[np.uint8], sizes: Floats) -> None:
        """Take points in: (N, 3) world, (N, 3) sRGB, and (N,) how large a pixel is there."""
        self._parts.append(_Cells.of(positions, colors, sizes))
        self._waiting += len(positions)
        if self._waiting > _WAITING_POINTS:
            self._settle()

    def means(self) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
        """(P, 3) positions and (P, 3) colors of the cells."""
        cells = self._settle()
        means = cells.sums[:6] / cells.sums[6]
        finest = _finest(means[:3].T, cells.levels)
        positions, colors = means[:3, finest].T, means[3:, finest].T
        return np.ascontiguousarray(positions, np.float32), np.ascontiguousarray(np.rint(colors), np.uint8)

    def _settle(self) -> _Cells:
        cells = _Cells.merged(self._parts)
        while len(cells.levels) > self._most_points:
            cells = _Cells.merged([cells.grown()])
        self._parts, self._waiting = [cells], 0
        return cells


def _order(keys: Keys) -> NDArray[np.int64]:
    """What brings equal keys together: sorting numbers is many times faster than sorting their places.

    The place takes the low bits of each key. Keys that differ in those bits alone may then alternate, and each piece of
    such a run counts as a cell.
    """
    low = np.uint64((1 << len(keys).bit_length()) - 1)
    packed = (keys & ~low) | np.arange(len(keys), dtype=np.uint64)
    packed.sort()
    return (packed & low).astype(np.int64)


def _cell_keys(positions: Floats, levels: NDArray[np.int16]) -> Keys:
    """(N,) keys of the cells that (N, 3) positions fall into."""
    scale = np.exp2(-levels.astype(np.float64))
    with np.errstate(over="ignore"):
        # Added, not XORed as there: (-a) ^ (-b) is mostly a ^ b, and cells on both sides of an axis would be one.
        keys = levels.astype(np.int64).view(np.uint64) * _PRIMES[3]
        for axis in range(3):
            keys += np.floor(positions[:, axis] * scale).astype(np.int64).view(np.uint64) * _PRIMES[axis]
    return np.asarray(keys)


def _finest(positions: Floats, levels: NDArray[np.int16]) -> NDArray[np.bool_]:
    """(P,): points with no finer one in their cell."""
    keep = np.ones(len(levels), bool)
    for level in np.unique(levels)[1:]:
        coarse, finer = np.flatnonzero(levels == level), np.flatnonzero((levels < level) & keep)
        taken = _cell_keys(positions[finer], np.full(len(finer), level))
        keep[coarse] = ~np.isin(_cell_keys(positions[coarse], np.full(len(coarse), level)), taken)
    return keep
