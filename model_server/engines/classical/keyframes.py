"""Which frames structure is found from: far enough apart to see depth, near enough to share tracks."""

import numpy as np

from model_server.engines.classical.match_database import Sightings
from model_server.geometry.shot import Array

_MOVED_PX = 40.0  # median way of the shared tracks since the last keyframe, in square pixels
_SHARED = 0.5  # of the last keyframe's tracks that must still be seen
_MIN_KEYFRAMES = 10
_MIN_SIGHTINGS = 15


def keyframes(sightings: Sightings, frame_count: int) -> Array:
    """Sorted indices of the keyframes, at least 10 where there are as many; frames with hardly a track are none."""
    order = np.lexsort((sightings.tracks, sightings.frames))
    bounds = np.searchsorted(sightings.frames[order], np.arange(frame_count + 1))
    usable = np.nonzero(np.diff(bounds) >= _MIN_SIGHTINGS)[0]
    if len(usable) <= _MIN_KEYFRAMES:
        return usable
    chosen = _by_motion(sightings, {int(frame): order[bounds[frame] : bounds[frame + 1]] for frame in usable})
    if len(chosen) < _MIN_KEYFRAMES:
        chosen = usable[np.linspace(0, len(usable) - 1, _MIN_KEYFRAMES).round().astype(int)]
    return chosen


def _by_motion(sightings: Sightings, rows: dict[int, Array]) -> Array:
    """From each keyframe the next that lies far enough off; `rows` of each usable frame are ordered by track."""
    frames = list(rows)
    chosen = frames[:1]
    for frame in frames[1:]:
        last, now = rows[chosen[-1]], rows[frame]
        shared, a, b = np.intersect1d(sightings.tracks[last], sightings.tracks[now], True, return_indices=True)
        lost = len(shared) < _SHARED * len(last)
        way = np.linalg.norm(sightings.positions[last[a]] - sightings.positions[now[b]], axis=1)
        if lost or np.median(way) > _MOVED_PX:
            chosen.append(frame)
    if chosen[-1] != frames[-1]:
        chosen.append(frames[-1])
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
