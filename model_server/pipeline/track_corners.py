"""Corners followed from frame to frame: Shi and Tomasi (1994), Lucas and Kanade (1981) on pyramids (Bouguet 2000)."""

import cv2
import numpy as np

from model_server.geometry.shot import Array
from model_server.pipeline.track_anchors import AnchorPicture, Anchors
from model_server.pipeline.track_picture import TrackingPicture

_TRACK_COUNT = 1500  # kept alive
_CELLS_LONG = 16  # buckets along the long side: corners fill each alike, so that a busy corner does not take them all
_WINDOW, _LEVELS = 15, 5
_ROUND_TRIP_PX = 0.3  # forward, backward: Kalal, Mikolajczyk and Matas (2010)
_MIN_LIKENESS = 0.7  # normalized correlation with the anchor
_RENEW_LIKENESS = 0.85  # the anchor is renewed below this, so that a slow change of view does not end a track
_FLOOR = 2e-5  # smallest eigenvalue that is more than noise: gradients of about one gray level
_CRITERIA = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, 30, 0.003)


class Follower:
    """Fed frame by frame; keeps about 1,500 corners alive, spread evenly, and new ones where some died."""

    def __init__(self, picture: TrackingPicture) -> None:
        self._picture = picture
        self._spacing = max(5.0, 0.014 * float(np.hypot(picture.width, picture.height)) * 0.7)
        self._gray: Array | None = None
        self._frame = -1
        self._next_id = 0
        self._ids = np.zeros(0, np.int64)
        self._positions = np.zeros((0, 2), np.float32)
        self._anchors = Anchors()
        self._rows: list[Array] = []
        self.contrast = 0.0  # largest standard deviation of a frame's gray values

    def add(self, gray: Array, mask: Array | None = None) -> None:
        """The next frame, (height, width) uint8; no corner is followed or found where `mask` is 0."""
        self._frame += 1
        self.contrast = max(self.contrast, float(gray.std()))
        fine = AnchorPicture.of(gray)
        if self._gray is not None and len(self._ids):
            self._follow(self._gray, gray, fine)
            self._keep(_inside_mask(mask, self._positions), self._positions)
        self._gray = gray
        self._detect(gray, fine, mask)
        frames = np.full(len(self._ids), self._frame)
        self._rows.append(np.column_stack([self._ids, frames, self._positions]))

    def sightings(self) -> Array:
        """(M, 4): track, frame, x, y as OpenCV has them, ordered by frame."""
        return np.concatenate(self._rows) if self._rows else np.zeros((0, 4))

    def _follow(self, before: Array, gray: Array, fine: AnchorPicture) -> None:
        ahead, found = _flow(before, gray, self._positions)
        back, found_back = _flow(gray, before, ahead)
        good = found & found_back
        good &= np.linalg.norm(back - self._positions, axis=1) < _ROUND_TRIP_PX
        margin = 2
        limit = np.array([self._picture.width - 1 - margin, self._picture.height - 1 - margin])
        good &= ((ahead >= margin) & (ahead <= limit)).all(1)
        self._keep(good, ahead)
        self._positions, likeness = self._anchors.align(fine, self._positions)
        self._anchors.renew(likeness < _RENEW_LIKENESS, fine, self._positions)
        good = (likeness > _MIN_LIKENESS) & ((self._positions >= margin) & (self._positions <= limit)).all(1)
        self._keep(good, self._positions)
        self._keep(_apart(self._positions, 0.5 * self._spacing), self._positions)

    def _keep(self, good: Array, positions: Array) -> None:
        self._ids, self._positions = self._ids[good], positions[good]
        self._anchors.keep(good)

    def _detect(self, gray: Array, fine: AnchorPicture, mask: Array | None) -> None:
        """Fill the picture's buckets up to an even share of corners each."""
        response = cv2.cornerMinEigenVal(gray, 5, ksize=3)
        size = 2 * int(self._spacing // 2) + 1
        peaks = (response == cv2.dilate(response, np.ones((size, size), np.uint8))) & (response > _FLOOR)
        margin = _WINDOW // 2
        peaks[:margin], peaks[-margin:], peaks[:, :margin], peaks[:, -margin:] = False, False, False, False
        taken = np.zeros(gray.shape, np.uint8) if mask is None else (mask == 0).astype(np.uint8)
        for x, y in np.rint(self._positions).astype(int):
            cv2.circle(taken, (int(x), int(y)), int(self._spacing), 1, -1)
        y, x = np.nonzero(peaks & (taken == 0))
        cell = max(gray.shape) / _CELLS_LONG
        columns, rows = int(np.ceil(gray.shape[1] / cell)), int(np.ceil(gray.shape[0] / cell))
        quota = int(np.ceil(_TRACK_COUNT / (columns * rows)))
        full = np.bincount(
            (self._positions[:, 1] // cell).astype(int) * columns + (self._positions[:, 0] // cell).astype(int),
            minlength=columns * rows,
        )
        bucket = (y // cell).astype(int) * columns + (x // cell).astype(int)
        order = np.lexsort((-response[y, x], bucket))
        sorted_bucket = bucket[order]
        rank = np.arange(len(order)) - np.searchsorted(sorted_bucket, sorted_bucket)
        chosen = order[rank + full[sorted_bucket] < quota]
        new = np.column_stack([x[chosen], y[chosen]]).astype(np.float32)
        self._ids = np.concatenate([self._ids, self._next_id + np.arange(len(new))])
        self._next_id += len(new)
        self._positions = np.concatenate([self._positions, new])
        self._anchors.add(fine, new)


def _flow(before: Array, after: Array, points: Array) -> tuple[Array, Array]:
    """(n, 2) points of one picture in the next, and whether each was found."""
    ahead, found, _ = cv2.calcOpticalFlowPyrLK(  # type: ignore[call-overload]
        before, after, points[:, None], None, winSize=(_WINDOW, _WINDOW), maxLevel=_LEVELS, criteria=_CRITERIA
    )
    return ahead[:, 0], found[:, 0] == 1


def _inside_mask(mask: Array | None, positions: Array) -> Array:
    """(n,) bool: OpenCV positions on pixels that are not 0."""
    if mask is None:
        return np.ones(len(positions), bool)
    x, y = np.rint(positions).astype(int).T
    return np.asarray(mask[y, x] > 0)


def _apart(positions: Array, distance: float) -> Array:
    """(n,) bool: the older of two tracks that ran into each other stays (rows are ordered by age)."""
    cells = np.floor(positions / distance).astype(np.int64)
    _, first = np.unique(cells, axis=0, return_index=True)
    keep = np.zeros(len(positions), bool)
    keep[first] = True
    return keep
