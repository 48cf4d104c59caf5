"""The clean plate shows what stands still, and a frame differs from it where something moves."""

import numpy as np
from moving_box import PIXELS, box_clip, solution_of, still_depth

from model_server.pipeline.clean_plate import CleanPlate, CleanPlates

SIZE, VIEWS = (40, 60), 7
THING, INSIDE = np.s_[10:30, 20:40], np.s_[13:27, 23:37]  # all of it, and without its rim


def ground():
    return np.random.default_rng(0).integers(90, 160, (*SIZE, 3)).astype(np.uint8)


def with_thing(color=(250, 20, 20)):
    picture = ground()
    picture[THING] = color
    return picture


def everywhere(count=VIEWS, weight=1.0):
    return [np.full(SIZE, weight, np.float32) for _ in range(count)]


def test_what_differs_from_what_all_views_show_moves_and_the_rest_does_not():
    evidence = CleanPlate.of(with_thing(), [ground()] * VIEWS, everywhere()).evidence(with_thing())
    assert evidence[INSIDE].min() == 1
    assert evidence[:6].max() < 0


def test_looking_the_same_is_proof_in_clean_pictures_and_tells_less_in_grainy_ones():
    plate = CleanPlate.of(ground(), [ground()] * VIEWS, everywhere())
    grainy = ground()
    grain = np.random.default_rng(2).normal(0, 90, (*SIZE, 3))
    grainy[:, 30:] = np.clip(grainy + grain, 0, 255)[:, 30:]
    clean_half = np.s_[4:-4, 4:24]
    assert np.median(plate.evidence(ground())[clean_half]) < -0.95
    assert -0.6 < np.median(plate.evidence(grainy)[clean_half]) < -0.02


def test_views_of_things_that_pass_are_outvoted():
    colors = [(250, 20, 20), (20, 250, 20), (20, 20, 250), (240, 240, 20)]
    plate = CleanPlate.of(ground(), [with_thing(color) for color in colors] + [ground()] * 3, everywhere())
    assert np.array_equal(plate.picture[INSIDE], ground()[INSIDE])


def test_a_clean_view_counts_more_than_many_that_something_hides():
    plate = CleanPlate.of(ground(), [with_thing()] * 5 + [ground()] * 2, everywhere(5, 0.1) + everywhere(2))
    assert np.array_equal(plate.picture[INSIDE], ground()[INSIDE])


def test_views_that_do_not_agree_say_nothing():
    random = np.random.default_rng(1)
    noise = [random.integers(0, 256, (1, 1, 3)) * np.ones((*SIZE, 1)) for _ in range(VIEWS)]
    plate = CleanPlate.of(ground(), [view.astype(np.uint8) for view in noise], everywhere())
    assert np.abs(plate.evidence(ground())).max() < 0.1


def test_a_place_that_no_view_sees_is_unknown():
    plate = CleanPlate.of(ground(), [ground()] * VIEWS, everywhere(weight=0.0))
    assert not plate.evidence(with_thing()).any()


def test_the_plate_tells_its_pattern_in_other_light_from_another_pattern_and_from_none():
    one, other = (
        np.repeat(np.random.default_rng(seed).integers(40, 220, (*SIZE, 1)), 3, axis=2).astype(np.uint8)
        for seed in (4, 5)
    )
    even = np.full_like(one, 120)
    plate = CleanPlate.of(one, [one] * VIEWS, everywhere())
    assert plate.pattern(np.rint(0.5 * one).astype(np.uint8)).min() > 0.9
    assert plate.pattern(other).mean() < 0.05
    assert not plate.pattern(even).any()
    assert not CleanPlate.of(one, [one] * 2, everywhere(2, 0.2)).pattern(one).any()
    assert not CleanPlate.of(even, [even] * VIEWS, everywhere()).pattern(even).any()


def test_where_a_shadow_lies_in_most_views_one_that_does_not_shows_what_the_frame_does():
    shadow = with_thing()
    shadow[THING] = np.rint(0.6 * ground()[THING])
    views, weights = [shadow] * 5 + [ground()] * 2, everywhere(5) + everywhere(2, 0.2)
    plate = CleanPlate.of(ground(), views, weights)
    assert np.array_equal(plate.picture[INSIDE], shadow[INSIDE])
    assert plate.shown.all()
    assert not CleanPlate.of(with_thing(), views, weights).shown[INSIDE].any()
    assert not CleanPlate.of(ground(), views, everywhere(5) + everywhere(2, 0.05)).shown[INSIDE].any()


def test_in_a_shot_the_plate_shows_the_room_behind_the_box():
    moving = box_clip()
    plates = CleanPlates(moving.images, PIXELS, still_depth(moving), solution_of(moving))
    frame = 6
    evidence = plates.frame(frame, lambda other: 1 - 0.8 * moving.moving[other].astype(np.float32)).evidence(
        moving.images[frame]
    )
    known = evidence != 0
    right = (evidence > 0) == moving.moving[frame]
    assert right[known].mean() > 0.95
    assert known.mean() > 0.5


def test_a_camera_that_sets_its_exposure_and_white_balance_anew_sees_the_same():
    moving = box_clip()
    frame, lights = 6, np.linspace(0.6, 1.0, len(moving.images))[:, None] * [1.0, 0.95, 0.9]
    exposed = np.rint(moving.images * lights[:, None, None]).astype(np.uint8)

    def plate_of(images):
        plates = CleanPlates(images, PIXELS, still_depth(moving), solution_of(moving))
        return plates.frame(frame, lambda other: 1 - 0.8 * moving.moving[other].astype(np.float32))

    evidence = plate_of(exposed).evidence(exposed[frame])
    known = plate_of(moving.images).evidence(moving.images[frame]) != 0
    assert ((evidence > 0) == moving.moving[frame])[known].mean() > 0.95
    assert (evidence != 0)[known].mean() > 0.95


def test_how_much_pictures_differ_anyway_is_told_by_what_the_plate_knows():
    view, weight, picture = ground(), np.ones(SIZE, np.float32), ground()
    view[:, 40:], weight[:, 40:] = 0, 0  # nothing is seen there, and it differs most
    picture[13:27, 10:20] = 250, 20, 20
    assert CleanPlate.of(picture, [view] * VIEWS, [weight] * VIEWS).evidence(picture)[15:25, 12:18].min() == 1


def test_a_single_frame_has_no_plate():
    clip = box_clip()
    plates = CleanPlates(clip.images[:1], PIXELS, still_depth(clip), solution_of(clip))
    assert plates.frame(0) is None
