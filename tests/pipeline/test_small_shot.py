"""A small shot lies on the large one to the pixel."""

import numpy as np

from model_server.geometry.pixel_map import PixelMap
from model_server.geometry.shot import DepthMaps
from model_server.pipeline.small_shot import SmallShot


def shot(width, height):
    x = np.arange(width, dtype=np.float32)
    images = np.broadcast_to((x / 4)[None, None, :, None], (2, height, width, 3)).astype(np.uint8)
    depth = np.broadcast_to(x, (2, height, width)).astype(np.float32)
    return images, DepthMaps(depth, np.ones(depth.shape, np.float16))


def test_a_picture_that_is_small_already_stays_as_it_is():
    images, depth = shot(256, 192)
    small = SmallShot.of(images, PixelMap((2.0, 2.0)), depth)
    assert small.factor == 1
    assert small.images is images


def test_places_stay_where_they_are():
    images, depth = shot(641, 361)  # what is left over is cut off
    small = SmallShot.of(images, PixelMap((3.0, 3.0)), depth)
    assert small.factor == 2
    assert small.images.shape[1:3] == small.depth.depth.shape[1:] == (180, 320)
    assert small.pixels.scale == (6.0, 6.0)
    centers = 2 * np.arange(320) + 1
    assert np.abs(small.depth.depth[0, 0] + 0.5 - centers).max() <= 0.5


def test_values_come_back_at_the_full_size():
    images, depth = shot(641, 361)
    small = SmallShot.of(images, PixelMap((3.0, 3.0)), depth)
    large = small.enlarged(np.broadcast_to(np.arange(320, dtype=np.float32), (180, 320)), (641, 361))
    assert large.shape == (361, 641)
    x = np.arange(2, 638)
    assert np.abs(large[5, x] - (x - 0.5) / 2).max() < 0.51
