"""Square pixels at one size for all footage, so that thresholds in pixels mean the same for every shot."""

from dataclasses import dataclass

import numpy as np

from model_server.geometry.shot import Array, Plate

LONG_SIDE = 1000.0


@dataclass(frozen=True)
class SquarePicture:
    """A picture with square pixels and a long side of 1000; (0, 0) is the corner."""

    width: float
    height: float
    scale: tuple[float, float]  # square = plate * scale, per axis

    @classmethod
    def of(cls, plate: Plate) -> "SquarePicture":
        shrink = LONG_SIDE / max(plate.width * plate.pixel_aspect, plate.height)
        scale = (shrink * plate.pixel_aspect, shrink)
        return cls(plate.width * scale[0], plate.height * scale[1], scale)

    @property
    def center(self) -> Array:
        return np.array([self.width / 2, self.height / 2])

    def from_plate(self, pixels: Array) -> Array:
        """(..., 2) plate pixels to square ones."""
        return np.asarray(pixels, np.float64) * self.scale

    def to_plate(self, pixels: Array) -> Array:
        """(..., 2) square pixels to plate ones."""
        return np.asarray(pixels, np.float64) / self.scale

    def intrinsics(self, focal: Array | float) -> Array:
        """(...) focal lengths in square pixels to (..., 3, 3) in square pixels: center in the middle of the picture."""
        return _intrinsics(np.asarray(focal, np.float64), (1.0, 1.0), self.center)

    def plate_intrinsics(self, focal: Array | float) -> Array:
        """(...) focal lengths in square pixels to (..., 3, 3) in plate pixels; wide pixels make fx less than fy."""
        return _intrinsics(np.asarray(focal, np.float64), self.scale, self.center)

    def focal_of(self, plate_intrinsics: Array) -> Array:
        """(..., 3, 3) intrinsics in plate pixels to (...) focal lengths in square pixels."""
        return np.asarray(
            (plate_intrinsics[..., 0, 0] * self.scale[0] + plate_intrinsics[..., 1, 1] * self.scale[1]) / 2
        )


def _intrinsics(focal: Array, scale: tuple[float, float], center: Array) -> Array:
    intrinsics = np.zeros((*focal.shape, 3, 3))
    intrinsics[..., 0, 0], intrinsics[..., 1, 1] = focal / scale[0], focal / scale[1]
    intrinsics[..., :2, 2] = center / scale
    intrinsics[..., 2, 2] = 1
    return intrinsics
