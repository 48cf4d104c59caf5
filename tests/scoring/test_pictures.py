"""What the network is shown."""

import numpy as np
import pytest
import torch
from PIL import Image
from torch.nn import functional

from model_server.scoring.pictures import network_pictures


def _frames(width, height, count=2):
    random = np.random.default_rng(width)
    coarse = random.integers(0, 256, (count, height // 8 + 1, width // 8 + 1, 3), np.uint8)
    return [np.asarray(Image.fromarray(each).resize((width, height), Image.Resampling.BICUBIC)) for each in coarse]


@pytest.mark.parametrize("size", [(1024, 436), (640, 480), (360, 480), (300, 200)])
def test_published_pictures_are_those_that_pillow_makes(size):
    """MODEL_SPEC section 4: width 518, rows to a multiple of 14, the middle 518 of them; section 6: stretched."""
    width, height = size
    frames = _frames(width, height)
    tall = round(height * 518 / width / 14) * 14
    expected = []
    for frame in frames:
        picture = np.asarray(Image.fromarray(frame).resize((518, tall), Image.Resampling.BICUBIC))
        if tall > 518:
            start = (tall - 518) // 2
            picture = picture[start : start + 518]
        expected.append(torch.from_numpy(picture.copy()).permute(2, 0, 1).float() / 255)
    expected = functional.interpolate(torch.stack(expected), (518, 518), mode="bilinear", align_corners=False)
    pictures = network_pictures(frames, 518, 14, stretched=True)
    assert pictures.shape == (2, 3, 518, 518)
    off = (pictures - expected).abs() * 255  # both filters round to 8 bits once in between
    assert off.max() <= 2.01
    assert off.mean() < 0.05


@pytest.mark.parametrize(
    ("size", "expected"), [((1024, 436), (518, 224)), ((360, 480), (364, 476)), ((112, 84), (112, 84))]
)
def test_corrected_pictures_keep_their_aspect_and_are_never_enlarged(size, expected):
    pictures = network_pictures(_frames(*size), 518, 14, stretched=False)
    assert pictures.shape == (2, 3, *expected[::-1])


def test_a_picture_of_the_right_size_is_left_as_it_is():
    frames = _frames(112, 84)
    pictures = network_pictures(frames, 518, 14, stretched=False)
    assert ((pictures.permute(0, 2, 3, 1) * 255).round().byte().numpy() == np.stack(frames)).all()
