"""Which frames structure is found from: far enough apart to see depth, near enough to share tracks."""

import numpy as np

from model_server.engines.classical.match_database import Sightings
from model_server.geometry.shot import Array

_MOVED_PX = 40.0  # median way of the shared tracks since the last keyframe, in square pixels
_SHARED = 0.5  # of the last keyframe's tracks that must still be seen
_MIN_KEYFRAMES = 10


def keyframes(sightings: Sightings, frame_count: int) -> Array:
    """Sorted indices of the keyframes, the first and the last frame included; at least 10 where there are as many."""
    chosen = _by_motion(sightings, frame_count)
    if len(chosen) < _MIN_KEYFRAMES:
        chosen = np.unique(np.linspace(0, frame_count - 1, min(_MIN_KEYFRAMES, frame_count)).round().astype(int))
    return chosen


def _by_motion(sightings: Sightings, frame_count: int) -> Array:
    order = np.lexsort((sightings.tracks, sightings.frames))
    bounds = np.searchsorted(sightings.frames[order], np.arange(frame_count + 1))
    rows = [order[bounds[i] : bounds[i + 1]] for i in range(frame_count)]
    chosen = [0]
    for frame in range(1, frame_count):
        last, now = rows[chosen[-1]], rows[frame]
        shared, a, b = np.intersect1d(sightings.tracks[last], sightings.tracks[now], True, return_indices=True)
        lost = len(shared) < _SHARED * len(last)
        way = np.linalg.norm(sightings.positions[last[a]] - sightings.positions[now[b]], axis=1)
        if lost or np.median(way) > _MOVED_PX:
            chosen.append(frame)
    if chosen[-1] != frame_count - 1:
        chosen.append(frame_count - 1)
    return np.array(chosen)


def longest_tracks(sightings: Sightings, per_frame: int) -> Sightings:
    """At most about `per_frame` sightings in each frame: those of the longest tracks, which hold a path together."""
    _, compact, length = np.unique(sightings.tracks, return_inverse=True, return_counts=True)
    lengths = length[compact]
    order = np.lexsort((sightings.tracks, -lengths, sightings.frames))
    bounds = np.searchsorted(sightings.frames[order], np.arange(int(sightings.frames.max()) + 2))
    rank = np.arange(len(order)) - bounds[sightings.frames[order]]
    rows = np.sort(order[(rank < per_frame) & (lengths[order] >= 2)])
    return Sightings(sightings.frames[rows], sightings.tracks[rows], sightings.positions[rows])
