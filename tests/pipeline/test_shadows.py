"""A shadow is told from a thing, and a thing from its own lighter parts."""

import numpy as np

from model_server.pipeline.shadows import in_shadow

SIZE, VIEWS = (60, 80), 8
PATCH = slice(20, 40), slice(30, 50)


def ground():
    rough = np.random.default_rng(0).integers(120, 170, (*SIZE, 1))
    return np.repeat(rough, 3, axis=2).astype(np.uint8)


def everywhere():
    return [np.ones(SIZE, bool)] * VIEWS


def test_dimmed_ground_is_shadow():
    picture = ground()
    picture[PATCH] = (picture[PATCH] * 0.6).astype(np.uint8)
    shadow = in_shadow(picture, [ground()] * VIEWS, everywhere())
    assert shadow[PATCH].mean() > 0.9
    assert shadow[:10].mean() == 0


def test_a_shadow_on_colored_ground_is_known_by_the_light_that_it_leaves():
    """The sky lights it, the lamp does not: so it is bluer, which on a strong color looks like another hue."""
    bricks = np.array([(150, 150, 150), (40, 70, 190), (190, 60, 110)], np.uint8)
    lit = bricks[(np.arange(SIZE[1]) // 6 + np.arange(SIZE[0])[:, None] // 6) % 3]
    picture, large = lit.copy(), (slice(12, 48), slice(15, 65))
    picture[large] = (lit[large] * (0.57, 0.63, 0.69)).astype(np.uint8)
    shadow = in_shadow(picture, [lit] * VIEWS, everywhere())
    assert shadow[large].mean() > 0.9
    assert shadow[:8].mean() == 0
    picture[large] = 60, 90, 50  # a thing there, as dark
    assert in_shadow(picture, [lit] * VIEWS, everywhere())[large].mean() < 0.1


def test_a_shadow_that_other_frames_show_too_is_still_one():
    picture = ground()
    picture[PATCH] = (picture[PATCH] * 0.6).astype(np.uint8)
    shadow = in_shadow(picture, [picture] * 4 + [ground()] * 4, everywhere())
    assert shadow[PATCH].mean() > 0.9


def test_a_thing_whose_lighter_parts_pass_over_the_place_is_no_shadow():
    picture = ground()
    picture[PATCH] = 90, 80, 60
    lighter = picture.copy()
    lighter[PATCH] = 135, 120, 90  # its own cloth, in the sun
    views = [lighter, lighter, picture, picture, picture, picture, picture, ground()]
    assert in_shadow(picture, views, everywhere())[PATCH].mean() < 0.1
