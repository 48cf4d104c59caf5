"""Maps on the plate's pixels, as the undistorted image has them."""

import cv2
import numpy as np

from model_server.geometry.lens import Distortion
from model_server.geometry.pixel_map import PixelMap
from model_server.geometry.plate_area import plate_area, plate_positions
from model_server.geometry.shot import Array

_SAME_SURFACE = 0.05  # of the depth: neighbors that differ by more are not mixed


def straight_map(values: Array, pixels: PixelMap, intrinsics: Array, lens: Distortion) -> Array:
    """A map of what is blurred without harm: confidence, motion.

    Args:
        values: (H, W), model pixels of the distorted plate.
        pixels: model <-> footage.
        intrinsics: (3, 3), footage pixels, of the undistorted image.
        lens: distortion of the plate.

    Returns:
        (H, W) float32, 0 where the plate shows nothing.
    """
    values = np.asarray(values, np.float32)
    if lens.is_pinhole:
        return values
    return _on_plate(_sampled(values, pixels, intrinsics, lens, cv2.INTER_LINEAR), pixels, intrinsics, lens)


def straight_depth(depth: Array, pixels: PixelMap, intrinsics: Array, lens: Distortion) -> Array:
    """(H, W) float32 depth; smooth on surfaces, nearest at their rims. Arguments as in `straight_map`."""
    depth = np.asarray(depth, np.float32)
    if lens.is_pinhole:
        return depth
    smooth, nearest = (_sampled(depth, pixels, intrinsics, lens, how) for how in (cv2.INTER_LINEAR, cv2.INTER_NEAREST))
    mixed = np.abs(smooth - nearest) > _SAME_SURFACE * nearest
    return _on_plate(np.where(mixed, nearest, smooth), pixels, intrinsics, lens)


def _sampled(values: Array, pixels: PixelMap, intrinsics: Array, lens: Distortion, how: int) -> Array:
    height, width = values.shape
    x, y = np.moveaxis(plate_positions(width, height, pixels, intrinsics, lens).astype(np.float32) - 0.5, -1, 0)
    return np.asarray(cv2.remap(values, x, y, how, borderMode=cv2.BORDER_REPLICATE))


def _on_plate(values: Array, pixels: PixelMap, intrinsics: Array, lens: Distortion) -> Array:
    height, width = values.shape
    return np.asarray(np.where(plate_area(width, height, pixels, intrinsics, lens), values, np.float32(0)))
