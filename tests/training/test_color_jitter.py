"""Colors change as slow, plain definitions say."""

import colorsys
from collections import Counter

import numpy as np
import pytest
import torch

from model_server.training.color_jitter import ColorChange, changed_colors, draw_change, jittered


def _images(seed=0, count=2):
    images = torch.rand(count, 3, 5, 6, generator=torch.Generator().manual_seed(seed))
    images[0, :, 0, 0] = 0
    images[0, :, 0, 1] = 1
    images[0, :, 0, 2] = 0.4
    images[0, :, 0, 3] = torch.tensor([1.0, 0, 0])
    images[0, :, 0, 4] = torch.tensor([0.3, 0.7, 0.7])
    return images


def _luma(color):
    return 0.299 * color[0] + 0.587 * color[1] + 0.114 * color[2]


def _plain(images, change):
    """Pixel by pixel, in double precision."""
    done = images.double().permute(0, 2, 3, 1).numpy().copy()
    for image in done:
        for number in change.order:
            mean = np.mean([_luma(color) for row in image for color in row])
            for row in image:
                for place, color in enumerate(row):
                    if number == 0:
                        new = [change.brightness * value for value in color]
                    elif number == 1:
                        new = [change.contrast * value + (1 - change.contrast) * mean for value in color]
                    elif number == 2:
                        new = [change.saturation * value + (1 - change.saturation) * _luma(color) for value in color]
                    else:
                        hue, saturation, value = colorsys.rgb_to_hsv(*color)
                        new = colorsys.hsv_to_rgb((hue + change.hue) % 1, saturation, value)
                    row[place] = np.clip(new, 0, 1)
        if change.gray:
            image[:] = [[[_luma(color)] * 3 for color in row] for row in image]
    return torch.from_numpy(done).permute(0, 3, 1, 2)


@pytest.mark.parametrize(
    "change",
    [
        ColorChange(),
        ColorChange(brightness=0.5),
        ColorChange(brightness=1.5),
        ColorChange(contrast=0.6),
        ColorChange(contrast=1.4),
        ColorChange(saturation=0.5),
        ColorChange(saturation=1.5),
        ColorChange(hue=0.1),
        ColorChange(hue=-0.07),
        ColorChange(hue=0.5),
        ColorChange(gray=True),
        ColorChange(1.3, 0.7, 1.4, 0.08, (3, 1, 0, 2)),
        ColorChange(0.8, 1.5, 0.6, -0.1, (1, 0, 2, 3), gray=True),
    ],
)
def test_a_change_is_what_its_definition_says(change):
    torch.testing.assert_close(changed_colors(_images(), change).double(), _plain(_images(), change), atol=2e-6, rtol=0)


def test_the_order_counts():
    first, second = ColorChange(1.5, 0.5, order=(0, 1, 2, 3)), ColorChange(1.5, 0.5, order=(1, 0, 2, 3))
    assert (changed_colors(_images(), first) - changed_colors(_images(), second)).abs().max() > 0.05


def test_images_are_not_changed_in_place():
    images = _images()
    changed_colors(images, draw_change(np.random.default_rng(1)))
    assert torch.equal(images, _images())


def test_changes_are_drawn_between_their_limits_and_as_often_as_said():
    rng = np.random.default_rng(0)
    changes = [draw_change(rng) for _ in range(4000)]
    moved = [change for change in changes if change.brightness != 1]
    assert len(moved) / 4000 == pytest.approx(0.9, abs=0.02)
    assert np.mean([change.gray for change in changes]) == pytest.approx(0.05, abs=0.015)
    for name, low, high in [
        ("brightness", 0.5, 1.5),
        ("contrast", 0.5, 1.5),
        ("saturation", 0.5, 1.5),
        ("hue", -0.1, 0.1),
    ]:
        values = np.array([getattr(change, name) for change in moved])
        assert low <= values.min() < low + 0.02 * (high - low)
        assert high - 0.02 * (high - low) < values.max() <= high
    assert len(Counter(change.order for change in moved)) == 24


def test_seven_of_ten_clips_change_as_one():
    same = torch.rand(1, 3, 4, 4, generator=torch.Generator().manual_seed(1)).expand(3, 3, 4, 4)
    shared = [
        bool((frames - frames[:1]).abs().max() == 0)
        for frames in (jittered(same, np.random.default_rng(seed)) for seed in range(1000))
    ]
    assert np.mean(shared) == pytest.approx(0.7, abs=0.05)


def test_a_seed_gives_its_colors_again():
    first, second = (jittered(_images(), np.random.default_rng(5)) for _ in range(2))
    assert torch.equal(first, second)
