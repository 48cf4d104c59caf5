"""From opened footage to what the engines see."""

import cv2
import numpy as np

from model_server.footage.clip import Clip
from model_server.geometry.pixel_map import PixelMap
from model_server.geometry.shot import Array, Plate, Progress


def plate_of(clip: Clip, images: Array) -> Plate:
    """A plate of `clip`; `images` (F, H, W, 3) are those that `shrink_images` filled."""
    height, width = images.shape[1:3]
    info = clip.info
    pixels = PixelMap(scale=(info.width / width, info.height / height))
    return Plate(images, clip.frame, info.width, info.height, info.pixel_aspect, pixels)


def shrink_images(clip: Clip, images: Array, progress: Progress) -> None:
    """Decode every frame once and fill `images` (F, H, W, 3) uint8 sRGB; nothing is cropped.

    Raises:
        BadFootage: a frame can't be decoded.
    """
    height, width = images.shape[1:3]
    for index in range(len(images)):
        frame = clip.frame(index)
        # Pixel areas averaged: what a smaller sensor would have seen, with no aliasing.
        images[index] = cv2.resize(frame, (width, height), interpolation=cv2.INTER_AREA)
        progress((index + 1) / len(images))
    if isinstance(images, np.memmap):
        images.flush()
