"""Points of many frames, one for every cell of space.

A cell is as large as a pixel was where its point was seen, so near things keep their detail and far ones don't flood
the cloud. Where a place was seen from near and from afar, the finer points stay.
"""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Keys = NDArray[np.uint64]

# Primes of M. Teschner et al., "Optimized spatial hashing for collision detection of deformable objects" (VMV 2003),
# carried to 64 bits, where collisions among millions of cells are not to be expected.
_PRIMES = np.array([0x9E3779B185EBCA87, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9, 0x27D4EB2F165667C5], np.uint64)
_WAITING_POINTS = 4_000_000


class PointCells:
    """Collects points, and gives one mean for every cell they fall into."""

    def __init__(self, most_points: int) -> None:
        """Hold at most `most_points`; where there are more, cells grow."""
        self._most_points = most_points
        self._sums = np.zeros((0, 7))  # position, color, count
        self._levels = np.zeros(0, np.int64)
        self._waiting: list[tuple[Floats, NDArray[np.int64]]] = []

    def add(self, positions: Floats, colors: NDArray[np.uint8], sizes: Floats) -> None:
        """Take points in: (N, 3) world, (N, 3) sRGB, and (N,) how large a pixel is there."""
        levels = np.ceil(np.log2(np.maximum(sizes, 1e-12))).astype(np.int64)
        sums = np.column_stack([positions, colors, np.ones(len(positions))])
        self._waiting.append(_merge(sums, levels))
        if sum(len(waiting) for _, waiting in self._waiting) > _WAITING_POINTS:
            self._settle()

    def means(self) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
        """(P, 3) positions and (P, 3) colors of the cells."""
        self._settle()
        counts = self._sums[:, 6:]
        positions, colors = self._sums[:, :3] / counts, self._sums[:, 3:6] / counts
        finest = _finest(positions, self._levels)
        return positions[finest].astype(np.float32), np.rint(colors[finest]).astype(np.uint8)

    def _settle(self) -> None:
        sums = np.concatenate([self._sums, *(sums for sums, _ in self._waiting)])
        levels = np.concatenate([self._levels, *(levels for _, levels in self._waiting)])
        self._waiting = []
        self._sums, self._levels = _merge(sums, levels)
        while len(self._levels) > self._most_points:
            self._sums, self._levels = _merge(self._sums, self._levels + 1)


def _merge(sums: Floats, levels: NDArray[np.int64]) -> tuple[Floats, NDArray[np.int64]]:
    """Add up rows of the same cell."""
    keys = _cell_keys(sums[:, :3] / sums[:, 6:], levels)
    _, first, cell = np.unique(keys, return_index=True, return_inverse=True)
    merged = np.zeros((len(first), sums.shape[1]))
    for column in range(sums.shape[1]):
        merged[:, column] = np.bincount(cell, sums[:, column], minlength=len(first))
    return merged, levels[first]


def _cell_keys(positions: Floats, levels: NDArray[np.int64]) -> Keys:
    cells = np.floor(positions / np.exp2(levels)[:, None]).astype(np.int64).view(np.uint64)
    with np.errstate(over="ignore"):
        # Added, not XORed as there: (-a) ^ (-b) is mostly a ^ b, and cells on both sides of an axis would be one.
        return np.asarray((cells * _PRIMES[:3]).sum(axis=1, dtype=np.uint64) + levels.view(np.uint64) * _PRIMES[3])


def _finest(positions: Floats, levels: NDArray[np.int64]) -> NDArray[np.bool_]:
    """(P,): points with no finer one in their cell."""
    keep = np.ones(len(levels), bool)
    for level in np.unique(levels)[1:]:
        coarse, finer = np.flatnonzero(levels == level), np.flatnonzero((levels < level) & keep)
        taken = _cell_keys(positions[finer], np.full(len(finer), level))
        keep[coarse] = ~np.isin(_cell_keys(positions[coarse], np.full(len(coarse), level)), taken)
    return keep
