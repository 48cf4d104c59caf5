"""First rotations and focal length of a camera that only turns, from what pairs of frames share.

A turn maps one picture onto another by a homography that only some focal lengths explain (R. Hartley, "Self-calibration
from multiple views with a rotating camera", ECCV 1994). Every one in question is tried: rotations come from directions
in closed form (W. Kabsch 1976), so a trial costs little, and no wrong guess can lead astray.
"""

from dataclasses import dataclass, replace

import cv2
import numpy as np
from scipy.sparse import csr_matrix

from model_server.geometry.lens import is_plausible, undistort_pixels
from model_server.geometry.shot import Array
from model_server.geometry.square_picture import LONG_SIDE, SquarePicture
from model_server.geometry.triangulation import PointSightings
from model_server.pipeline.bundle import Lens

_FOCALS = LONG_SIDE * np.geomspace(0.35, 6.0, 40)  # 110 to 10 degrees across the long side
_BENDS = np.linspace(-0.25, 0.05, 11)  # by how much distortion moves the middle of the short edges, as a share
_ANCHORS = 20  # frames that are compared with the farthest frame that still shares enough
_MIN_SHARED, _SHARED = 30, 0.3  # tracks, and their share of the anchor's
_LINK_SHARED = 10  # tracks that tie two frames together
_FIT_PX = 2.0
_ROBUST_PX = 1.0
_REWEIGHTINGS = 3
_POINTS = 80  # of a pair that a trial looks at
_NEWTON_STEPS = 6


@dataclass(frozen=True)
class _Pair:
    start: Array  # (n, 2) pixels
    end: Array  # (n, 2) pixels

    def of(self, count: int) -> "_Pair":
        """The same with about so many points at most."""
        step = max(1, len(self.start) // count)
        return _Pair(self.start[::step], self.end[::step])


def first_turns(sightings: PointSightings, frame_count: int, lens: Lens, square: SquarePicture) -> tuple[Array, Lens]:
    """Rotations that link every frame to the one it shares most tracks with, through the lens that fits best.

    Args:
        sightings: square pixels, as the plate has them.
        lens: what of it is locked is kept; else focal length and k1 are tried from end to end.

    Returns:
        (F, 3, 3) camera from world; NaN for frames that share too little with any other; and the lens.
    """
    shared = _shared_counts(sightings, frame_count)
    if not (lens.lock_focal and lens.lock_k1):
        pairs = [_pair(sightings, a, b).of(_POINTS) for a, b in _wide_pairs(shared)]
        trials = _lenses(lens)
        costs = sum((_misfits(pair, trials, square) for pair in pairs), np.zeros(len(trials)))
        lens = trials[int(np.argmin(costs))]
    return _linked(sightings, shared, lens, square), lens


def rays(positions: Array, lens: Lens, square: SquarePicture) -> Array:
    """(n, 2) square pixels of the plate to (n, 3) unit vectors in camera axes."""
    straight = undistort_pixels(positions, square.intrinsics(lens.focal), lens.distortion)
    directions = np.column_stack([(straight - square.center) / lens.focal, np.ones(len(straight))])
    return np.asarray(directions / np.linalg.norm(directions, axis=1, keepdims=True))


def _shared_counts(sightings: PointSightings, frame_count: int) -> Array:
    """(F, F) how many tracks two frames share."""
    ones = np.ones(len(sightings.frames), np.int32)
    seen = csr_matrix((ones, (sightings.frames, sightings.tracks)), shape=(frame_count, sightings.tracks.max() + 1))
    return np.asarray((seen @ seen.T).toarray())


def _wide_pairs(shared: Array) -> list[tuple[int, int]]:
    """Frames as far apart as they can be and still share enough, spread over the shot."""
    pairs = set()
    for anchor in np.linspace(0, len(shared) - 1, min(_ANCHORS, len(shared))).round().astype(int).tolist():
        enough = np.flatnonzero(shared[anchor] >= max(_MIN_SHARED, _SHARED * shared[anchor, anchor]))
        for other in (enough.min(initial=anchor), enough.max(initial=anchor)):
            if other != anchor:
                pairs.add((min(anchor, int(other)), max(anchor, int(other))))
    return sorted(pairs)


def _pair(sightings: PointSightings, a: int, b: int) -> _Pair:
    """What most of two frames' shared tracks agree on: those that one homography maps."""
    first, second = (np.flatnonzero(sightings.frames == frame) for frame in (a, b))
    _, i, j = np.intersect1d(sightings.tracks[first], sightings.tracks[second], True, return_indices=True)
    start, end = sightings.positions[first[i]], sightings.positions[second[j]]
    found = None
    if len(start) >= 4:
        _, found = cv2.findHomography(start, end, cv2.USAC_MAGSAC, _FIT_PX, maxIters=2000, confidence=0.999)
    keep = np.zeros(len(start), bool) if found is None else found.ravel() > 0
    return _Pair(start[keep], end[keep])


def _lenses(lens: Lens) -> list[Lens]:
    """All lenses in question: with what of `lens` is locked, and sensible."""
    trials = []
    for focal in [lens.focal] if lens.lock_focal else _FOCALS.tolist():
        bends = [lens.k1] if lens.lock_k1 else (_BENDS * (2 * focal / LONG_SIDE) ** 2).tolist()
        trials += [replace(lens, focal=focal, k1=k1) for k1 in bends if is_plausible(1.0, k1)]
    return trials


def _misfits(pair: _Pair, lenses: list[Lens], square: SquarePicture) -> Array:
    """(L,) robust cost of the best turn with each lens; 0 for a pair with too few points to tell."""
    if len(pair.start) < _LINK_SHARED:
        return np.zeros(len(lenses))
    start, end = (_rays_through(lenses, side - square.center) for side in (pair.start, pair.end))
    errors = _turn(start, end, np.array([lens.focal for lens in lenses]))[1]
    return np.asarray(np.log1p((errors / _ROBUST_PX) ** 2).mean(axis=1))


def _rays_through(lenses: list[Lens], offsets: Array) -> Array:
    """(L, n, 3) unit vectors of (n, 2) pixels from the center; near the truth is enough here."""
    focal = np.array([[lens.focal] for lens in lenses])
    known = [lens.distortion for lens in lenses]
    k1, k2, k3 = (np.array([[getattr(one, name)] for one in known]) for name in ("k1", "k2", "k3"))
    distorted = np.linalg.norm(offsets, axis=1) / focal
    radius = distorted
    for _ in range(_NEWTON_STEPS):
        r2 = radius**2
        value = radius * (1 + r2 * (k1 + r2 * (k2 + r2 * k3))) - distorted
        slope = 1 + r2 * (3 * k1 + r2 * (5 * k2 + r2 * 7 * k3))
        radius = np.clip(radius - value / np.maximum(slope, 0.1), 0, 3 * distorted)  # where it folds, anything is wrong
    flat = offsets / focal[..., None] * (radius / np.maximum(distorted, 1e-12))[..., None]
    directions = np.concatenate([flat, np.ones((*flat.shape[:2], 1))], axis=2)
    return np.asarray(directions / np.linalg.norm(directions, axis=2, keepdims=True))


def _turn(start: Array, end: Array, focal: Array) -> tuple[Array, Array]:
    """End from start by Kabsch's method, reweighted so that outliers count less, for many lenses at once.

    Args:
        start, end: (L, n, 3) unit vectors.
        focal: (L,) pixels.

    Returns:
        (L, 3, 3) rotations and (L, n) errors in pixels.
    """
    weights = np.ones(start.shape[:2])
    for _ in range(_REWEIGHTINGS):
        u, _, vt = np.linalg.svd(np.swapaxes(end * weights[..., None], 1, 2) @ start)
        u[:, :, 2] *= np.linalg.det(u @ vt)[:, None]
        turn = u @ vt
        errors = np.linalg.norm(start @ np.swapaxes(turn, 1, 2) - end, axis=2) * focal[:, None]
        weights = 1 / (1 + (errors / _ROBUST_PX) ** 2)
    return turn, errors


def _linked(sightings: PointSightings, shared: Array, lens: Lens, square: SquarePicture) -> Array:
    """The frames tied together where they share most (R. Prim's tree, 1957)."""
    rotations = np.full((len(shared), 3, 3), np.nan)
    first = int(np.argmax(np.diagonal(shared)))
    rotations[first] = np.eye(3)
    open_links = np.where(np.eye(len(shared), dtype=bool), 0, shared)
    while True:
        known = np.isfinite(rotations[:, 0, 0])
        links = np.where(known[:, None] & ~known, open_links, 0)
        a, b = np.unravel_index(int(np.argmax(links)), links.shape)
        if links[a, b] < _LINK_SHARED:
            return rotations
        pair = _pair(sightings, int(a), int(b))
        if len(pair.start) >= _LINK_SHARED:
            start, end = rays(pair.start, lens, square)[None], rays(pair.end, lens, square)[None]
            rotations[b] = _turn(start, end, np.array([lens.focal]))[0][0] @ rotations[a]
        open_links[a, b] = 0
