"""What each track looked like when it was found, and where that lies now.

Flow from frame to frame adds up its errors: a track drifts. So in every frame its patch is aligned with its anchor,
free to stretch and turn (an affine warp, Shi and Tomasi 1994; by the inverse compositional algorithm, Baker and
Matthews 2004), whatever its brightness and contrast. Errors stay what one alignment leaves, however long the track.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from model_server.geometry.shot import Array

_SIDE = 13  # pixels of a patch
_BLUR = 0.8  # pixels: what is finer than the pixel grid would pull positions to it
_FINER = 2  # OpenCV samples at 1/32 of a pixel; of these, which are smaller
_STEPS = 3
_STIFFNESS = 0.05  # of the warp's stretch and turn, so that patches with little texture do not fold
_FARTHEST_PX = 1.0  # from where flow saw it: farther, one of them is wrong
_LEAST_DETERMINANT, _MOST_DETERMINANT = 0.25, 4.0
_FLAT = 1e-3

_OFFSETS = np.arange(_SIDE, dtype=np.float32) - _SIDE // 2
_X, _Y = (grid.ravel() for grid in np.meshgrid(_OFFSETS, _OFFSETS))


@dataclass(frozen=True)
class AnchorPicture:
    """A frame to take patches from."""

    fine: Array  # (2 height, 2 width) float32

    @classmethod
    def of(cls, gray: Array) -> "AnchorPicture":
        """(height, width) uint8"""
        soft = cv2.GaussianBlur(gray.astype(np.float32), (0, 0), _BLUR)
        return cls(cv2.resize(soft, None, fx=_FINER, fy=_FINER, interpolation=cv2.INTER_CUBIC))

    def patches(self, positions: Array, warps: Array) -> Array:
        """(n, side^2) around (n, 2) positions, seen through (n, 2, 2) warps."""
        x, y = (
            positions[:, axis, None] + warps[:, axis, :1] * _X + warps[:, axis, 1:] * _Y for axis in (0, 1)
        )  # of pixels' centers, as OpenCV counts
        shift = (_FINER - 1) / 2
        maps = [np.ascontiguousarray(part * _FINER + shift, np.float32) for part in (x, y)]
        return _remap(self.fine, *maps)


class Anchors:
    """One of each track, in the order of the tracks."""

    def __init__(self) -> None:
        self._patches = np.zeros((0, _SIDE**2), np.float32)  # mean 0, length 1
        self._slopes = np.zeros((0, 6, _SIDE**2), np.float32)  # of those, by the warp: stretch and turn, then shift
        self._inverses = np.zeros((0, 6, 6), np.float32)
        self._warps = np.zeros((0, 2, 2), np.float32)

    def add(self, picture: AnchorPicture, positions: Array) -> None:
        parts = _anchors(picture, positions)
        self._patches, self._slopes, self._inverses, self._warps = (
            np.concatenate(pair) for pair in zip((self._patches, self._slopes, self._inverses, self._warps), parts)
        )

    def keep(self, good: Array) -> None:
        """`good` is (n,) bool."""
        self._patches, self._slopes = self._patches[good], self._slopes[good]
        self._inverses, self._warps = self._inverses[good], self._warps[good]

    def renew(self, which: Array, picture: AnchorPicture, positions: Array) -> None:
        """Tracks that look as they do in this frame from now on; `which` is (n,) bool."""
        if which.any():
            parts = _anchors(picture, positions[which])
            self._patches[which], self._slopes[which], self._inverses[which], self._warps[which] = parts

    def align(self, picture: AnchorPicture, positions: Array) -> tuple[Array, Array]:
        """Where the anchors lie.

        Args:
            positions: (n, 2) where flow has them, OpenCV's positions.

        Returns:
            (n, 2) positions, and (n,) how much the picture there is like the anchor: correlation, at most 1.
        """
        places, warps = positions.astype(np.float32), self._warps.copy()
        for _ in range(_STEPS):
            away = _normalized(picture.patches(places, warps)) - self._patches
            change = (self._inverses @ (self._slopes @ away[:, :, None]))[:, :, 0]
            grown = change[:, :4].reshape(-1, 2, 2) + np.eye(2, dtype=np.float32)
            warps = warps @ _inverse(grown)
            places = places - (warps @ change[:, 4:, None])[:, :, 0]
        determinant = np.linalg.det(warps)
        sane = (determinant > _LEAST_DETERMINANT) & (determinant < _MOST_DETERMINANT)
        sane &= np.linalg.norm(places - positions, axis=1) < _FARTHEST_PX
        places = np.where(sane[:, None], places, positions).astype(np.float32)
        self._warps = np.where(sane[:, None, None], warps, self._warps)
        likeness = (_normalized(picture.patches(places, self._warps)) * self._patches).sum(1)
        return places, likeness


def _anchors(picture: AnchorPicture, positions: Array) -> tuple[Array, Array, Array, Array]:
    """Normalized patches, their slopes, the inverses of the normal equations, and warps that change nothing."""
    positions = positions.astype(np.float32)
    warps = np.tile(np.eye(2, dtype=np.float32), (len(positions), 1, 1))
    values = picture.patches(positions, warps)
    patches = _normalized(values)
    sides = [
        [picture.patches(positions + half * np.eye(2, dtype=np.float32)[axis], warps) for half in (0.5, -0.5)]
        for axis in (0, 1)
    ]
    length = np.maximum(np.linalg.norm(values - values.mean(1, keepdims=True), axis=1), _FLAT)
    by_x, by_y = ((after - before) / length[:, None] for after, before in sides)
    slopes = np.stack([by_x * _X, by_x * _Y, by_y * _X, by_y * _Y, by_x, by_y], axis=1)
    # Brightness and contrast are free: what they could explain says nothing of the warp.
    slopes -= slopes.mean(2, keepdims=True)
    slopes -= (slopes @ patches[:, :, None]) * patches[:, None]
    normal = slopes @ np.swapaxes(slopes, 1, 2)
    damping = np.einsum("nii->ni", normal)[:, :4].mean(1) * _STIFFNESS
    diagonal = np.einsum("nii->ni", normal)
    diagonal[:, :4] += damping[:, None]
    diagonal += 1e-6 * diagonal.max(1, keepdims=True) + 1e-9
    return patches, slopes.astype(np.float32), np.linalg.inv(normal).astype(np.float32), warps


def _normalized(patches: Array) -> Array:
    patches = patches - patches.mean(1, keepdims=True)
    return np.asarray(patches / np.maximum(np.linalg.norm(patches, axis=1, keepdims=True), _FLAT))


def _inverse(matrices: Array) -> Array:
    """(n, 2, 2), kept from being singular."""
    a, b, c, d = matrices[:, 0, 0], matrices[:, 0, 1], matrices[:, 1, 0], matrices[:, 1, 1]
    determinant = np.maximum(a * d - b * c, 0.1)
    return np.asarray(np.stack([d, -b, -c, a], axis=1).reshape(-1, 2, 2) / determinant[:, None, None])


def _remap(picture: Array, x: Array, y: Array) -> Array:
    """`cv2.remap` in pieces: it takes at most 32,767 rows."""
    step = 30_000
    parts = [
        cv2.remap(picture, x[i : i + step], y[i : i + step], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        for i in range(0, len(x), step)
    ]
    return np.concatenate(parts) if parts else np.zeros((0, _SIDE**2), np.float32)
