"""The plate without its lens: made by bending a known picture with a known lens."""

import cv2
import numpy as np
import pytest
import tolerances
from solved_room import true_solution
from synthetic import synthetic_clip

from model_server.geometry.cameras import pixel_centers
from model_server.geometry.lens import Distortion, undistort_pixels
from model_server.geometry.pixel_map import PixelMap
from model_server.geometry.plate_area import plate_area
from model_server.geometry.shot import Plate
from model_server.pipeline.undistort import undistort_images

LENSES = [Distortion(k1=-0.12, k2=0.02), Distortion(k1=0.08)]


def _plate(images, pixels):
    height, width = images.shape[1:3]
    footage_width, footage_height = pixels.footage_from_model(np.array([width, height], float))
    return Plate(images, lambda index: images[index], int(footage_width), int(footage_height), 1.0, pixels)


def _bent(images, intrinsics, lens):
    """What the lens makes of pictures: every plate pixel looks up where its light would have gone."""
    straight = undistort_pixels(pixel_centers(*images.shape[2:0:-1]), intrinsics, lens) - 0.5
    x, y = np.moveaxis(straight.astype(np.float32), -1, 0)
    return np.stack([cv2.remap(image, x, y, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT) for image in images])


def _undistorted(images, solution, pixels):
    out = np.full_like(images, 77)
    undistort_images(_plate(images, pixels), solution, out, lambda _: None)
    return out


@pytest.mark.parametrize("lens", LENSES)
def test_undistorting_gives_back_what_the_lens_bent(lens):
    clip = synthetic_clip(frames=4)
    images = _bent(clip.images, clip.intrinsics, lens)
    back = _undistorted(images, true_solution(clip, lens=lens), PixelMap((1.0, 1.0)))
    inner = (slice(None), slice(30, -30), slice(30, -30))
    assert np.abs(back[inner].astype(int) - clip.images[inner]).mean() < tolerances.UNDISTORTED_LEVELS
    assert np.abs(images[inner].astype(int) - clip.images[inner]).mean() > 4 * tolerances.UNDISTORTED_LEVELS


def test_the_lens_is_that_of_the_footage_whatever_the_model_size():
    clip = synthetic_clip(frames=2, width=160, height=120, focal=140.0)
    lens, pixels = LENSES[0], PixelMap((2.0, 4.0), (10.0, -6.0))
    solution = true_solution(clip, lens=lens)
    footage = solution.intrinsics.copy()
    footage[:, :2] *= np.array([2.0, 4.0])[:, None]
    footage[:, :2, 2] += [10.0, -6.0]
    same = _undistorted(clip.images, solution, PixelMap((1.0, 1.0)))
    larger = _undistorted(clip.images, type(solution)(**{**vars(solution), "intrinsics": footage}), pixels)
    assert np.array_equal(same, larger)


def test_a_pinhole_changes_nothing():
    clip = synthetic_clip(frames=2, width=160, height=120, focal=140.0)
    assert np.array_equal(_undistorted(clip.images, true_solution(clip), PixelMap((1.0, 1.0))), clip.images)


def test_where_the_plate_ends_it_is_black():
    clip = synthetic_clip(frames=1)
    lens = Distortion(k1=0.2)
    images = np.full_like(clip.images, 200)
    back = _undistorted(images, true_solution(clip, lens=lens), PixelMap((1.0, 1.0)))[0]
    area = plate_area(320, 240, PixelMap((1.0, 1.0)), clip.intrinsics, lens)
    assert 0.5 < area.mean() < 0.99
    shrunk = cv2.erode(area.astype(np.uint8), np.ones((3, 3)), borderValue=1) > 0
    grown = cv2.dilate(area.astype(np.uint8), np.ones((3, 3))) > 0
    assert (back[shrunk] == 200).all()
    assert not back[~grown].any()
