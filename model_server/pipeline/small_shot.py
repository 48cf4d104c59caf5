"""A shot at a fraction of its size: that something moves shows there as well, for less work; its outline does not."""

from dataclasses import dataclass

import cv2
import numpy as np

from model_server.geometry.pixel_map import PixelMap
from model_server.geometry.shot import Array, DepthMaps

_LONG_SIDE = 320  # pixels, about


@dataclass(frozen=True)
class SmallShot:
    """Every `factor`th pixel of depth, and the mean of the pictures' pixels around it."""

    factor: int
    images: Array  # (F, h, w, 3) uint8
    pixels: PixelMap  # small picture <-> footage
    depth: DepthMaps

    @staticmethod
    def of(images: Array, pixels: PixelMap, depth: DepthMaps) -> "SmallShot":
        """(F, H, W, 3) uint8 undistorted pictures and their depth maps."""
        height, width = images.shape[1:3]
        factor = max(1, round(max(height, width) / _LONG_SIDE))
        if factor == 1:
            return SmallShot(1, images, pixels, depth)
        size = width // factor, height // factor
        small = np.stack([_mean(image, factor) for image in images])
        scale = pixels.scale[0] * factor, pixels.scale[1] * factor
        first = factor // 2
        every = np.s_[
            :, first : first + (size[1] - 1) * factor + 1 : factor, first : first + (size[0] - 1) * factor + 1 : factor
        ]
        maps = DepthMaps(np.asarray(depth.depth[every]), np.asarray(depth.confidence[every]))
        return SmallShot(factor, small, PixelMap(scale, pixels.offset), maps)

    def shrunk(self, values: Array) -> Array:
        """The mean of a map's (H, W) values around each of the small picture's pixels: (h, w) float32."""
        return _mean(np.asarray(values, np.float32), self.factor)

    def enlarged(self, values: Array, size: tuple[int, int]) -> Array:
        """(h, w) float32 of a small picture at the full `size` (width, height)."""
        if self.factor == 1:
            return values
        height, width = (side * self.factor for side in values.shape)
        large = cv2.resize(values, (width, height), interpolation=cv2.INTER_LINEAR)
        beyond = size[1] - height, size[0] - width
        return cv2.copyMakeBorder(large, 0, beyond[0], 0, beyond[1], cv2.BORDER_REPLICATE) if any(beyond) else large


def _mean(image: Array, factor: int) -> Array:
    """Of squares of factor x factor pixels; what is left over on the right and below is cut off."""
    size = image.shape[1] // factor, image.shape[0] // factor
    whole = np.asarray(image[: size[1] * factor, : size[0] * factor])
    return np.asarray(cv2.resize(whole, size, interpolation=cv2.INTER_AREA))
