"""Tracks that break the epipolar geometry of the rest belong to things that move."""

from collections.abc import Iterator

import cv2
import numpy as np

from model_server.geometry.shot import Array, Progress

_GAPS = (2, 4, 8, 16)  # baselines in frames: a slow mover shows only over a long one
_FIT_PX, _BROKEN_PX = 1.0, 2.5  # square pixels
_MIN_SHARED = 30
_MIN_WAY_PX = 1.0  # of the median track: a camera at rest has no epipolar geometry
_MAX_PAIRS_PER_GAP = 60  # in a long shot pairs are taken evenly
_MOVING_SHARE = 0.35  # of the pairs that a track was seen in


def static_tracks(positions: Array, frames: Array, tracks: Array, progress: Progress) -> Array:
    """Which tracks stand still, by their distance to the epipolar lines of frame pairs several gaps apart.

    Each pair's fundamental matrix comes from MAGSAC++ (Barath et al. 2020), the distance is Sampson's (1982).

    Args:
        positions: (M, 2) sightings in square pixels.
        frames: (M,) their frames.
        tracks: (M,) their tracks, 0..n-1.

    Returns:
        (n,) bool. A track that no pair could judge counts as still.
    """
    count = int(tracks.max()) + 1
    broken, judged = np.zeros(count), np.zeros(count)
    by_frame = _by_frame(frames, tracks)
    pairs = list(_pairs(int(frames.max()) + 1))
    for done, (a, b) in enumerate(pairs):
        shared, rows_a, rows_b = np.intersect1d(
            tracks[by_frame[a]], tracks[by_frame[b]], assume_unique=True, return_indices=True
        )
        start, end = positions[by_frame[a][rows_a]], positions[by_frame[b][rows_b]]
        if len(shared) >= _MIN_SHARED and np.median(np.linalg.norm(end - start, axis=1)) > _MIN_WAY_PX:
            matrix = fundamental_matrix(start, end, _FIT_PX)
            if matrix is not None:
                judged[shared] += 1
                broken[shared] += sampson_distance(matrix, start, end) > _BROKEN_PX
        progress((done + 1) / len(pairs))
    return np.asarray(broken <= _MOVING_SHARE * np.maximum(judged, 1))


def fundamental_matrix(start: Array, end: Array, fit_px: float) -> Array | None:
    """(3, 3) that most matches (n, 2), (n, 2) agree with; None where there is none."""
    try:
        matrix, _ = cv2.findFundamentalMat(start, end, cv2.USAC_MAGSAC, fit_px, 0.999, 2000)
    except cv2.error:  # its last refinement may be left without a model, and asserts that it has one
        return None
    return matrix if matrix is not None and matrix.shape == (3, 3) else None


def sampson_distance(matrix: Array, start: Array, end: Array) -> Array:
    """(n,) first-order distance of matches (n, 2), (n, 2) to the fundamental matrix, in their pixels."""
    ones = np.ones((len(start), 1))
    first, second = np.hstack([start, ones]), np.hstack([end, ones])
    line, back_line = first @ matrix.T, second @ matrix
    slope = line[:, 0] ** 2 + line[:, 1] ** 2 + back_line[:, 0] ** 2 + back_line[:, 1] ** 2
    return np.asarray(np.abs((second * line).sum(1)) / np.sqrt(np.maximum(slope, 1e-18)))


def _pairs(frame_count: int) -> Iterator[tuple[int, int]]:
    for gap in _GAPS:
        starts = np.arange(0, frame_count - gap)
        stride = max(1, len(starts) // _MAX_PAIRS_PER_GAP)
        yield from ((int(a), int(a) + gap) for a in starts[::stride])


def _by_frame(frames: Array, tracks: Array) -> list[Array]:
    """Rows of each frame, ordered by track."""
    order = np.lexsort((tracks, frames))
    bounds = np.searchsorted(frames[order], np.arange(int(frames.max()) + 2))
    return [order[bounds[i] : bounds[i + 1]] for i in range(len(bounds) - 1)]
