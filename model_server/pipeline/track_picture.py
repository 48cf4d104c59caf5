"""The gray picture that points are followed in."""

from dataclasses import dataclass

import cv2
import numpy as np

from model_server.geometry.pixel_map import PixelMap, fit_long_side
from model_server.geometry.shot import Array, Plate

# Beyond this, flow gains no accuracy that the lens would still show, and its time grows with the area.
_LONG_SIDE = 1920


@dataclass(frozen=True)
class TrackingPicture:
    """Size of the picture, and how its pixels lie on the plate's; OpenCV's positions have 0 at a pixel's center."""

    width: int
    height: int
    pixels: PixelMap  # picture -> plate

    @classmethod
    def of(cls, plate: Plate) -> "TrackingPicture":
        width, height = fit_long_side(plate.width, plate.height, _LONG_SIDE)
        return cls(width, height, PixelMap((plate.width / width, plate.height / height)))

    def gray(self, frame: Array) -> Array:
        """(FH, FW, 3) sRGB to (height, width) uint8."""
        gray = cv2.cvtColor(np.ascontiguousarray(frame), cv2.COLOR_RGB2GRAY)
        if gray.shape == (self.height, self.width):
            return gray
        return cv2.resize(gray, (self.width, self.height), interpolation=cv2.INTER_AREA)

    def mask(self, left_out: Array) -> Array:
        """(FH, FW) bool to (height, width) uint8: 0 where any of it is left out, 255 elsewhere."""
        out: Array = left_out.astype(np.uint8) * 255
        if out.shape != (self.height, self.width):
            out = cv2.resize(out, (self.width, self.height), interpolation=cv2.INTER_AREA)
        return np.where(out > 0, 0, 255).astype(np.uint8)

    def plate_from_picture(self, positions: Array) -> Array:
        """(..., 2) OpenCV positions in the picture to plate pixels with (0, 0) at the corner."""
        return self.pixels.footage_from_model(np.asarray(positions, np.float64) + 0.5)
