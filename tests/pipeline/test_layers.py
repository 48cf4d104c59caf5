"""A thing keeps its number."""

from dataclasses import replace

import numpy as np
from moving_box import PIXELS, box_clip, moving_in, solution_of, still_depth

from model_server.geometry.shot import DepthMaps, Motion, SolveMode
from model_server.pipeline.layers import follow_things
from model_server.pipeline.shared_region import color_histogram, shared
from model_server.pipeline.thing_groups import group_things

RED, GREEN, BLUE = (220, 40, 30), (40, 190, 60), (30, 60, 210)


def follow(images, moving, people=None):
    """With the synthetic clip's true cameras and depth, or, for drawn pictures, a camera on a tripod."""
    clip, count = box_clip(), len(images)
    depth, solution = still_depth(clip), solution_of(clip)
    if images.shape != clip.images.shape:
        depth = DepthMaps(np.zeros(images.shape[:3], np.float32), np.zeros(images.shape[:3], np.float16))
        poses, lenses = np.repeat(np.eye(4)[None], count, axis=0), np.repeat(solution.intrinsics[:1], count, axis=0)
        solution = replace(solution, camera_from_world=poses, intrinsics=lenses, mode=SolveMode.TRIPOD)
    return follow_things(images, PIXELS, Motion(moving, people=people), depth, solution, lambda done: None)


def discs(paths, frames=20, hidden=lambda frame, x: False, size=(120, 200)):
    """Textured discs of 14 px radius on gray; a path is (color, start, step); also who is where, the last on top."""
    rng = np.random.default_rng(0)
    ground = rng.integers(90, 140, (*size, 3)).astype(np.uint8)
    y, x = np.mgrid[: size[0], : size[1]]
    grain = rng.integers(-25, 25, (29, 29, 1))
    images, truth = np.repeat(ground[None], frames, axis=0), np.zeros((frames, *size), np.uint8)
    for number, (color, start, step) in enumerate(paths, start=1):
        for frame in range(frames):
            cx, cy = (np.array(start) + np.array(step) * frame).astype(int)
            if hidden(frame, cx):
                continue
            here = (x - cx) ** 2 + (y - cy) ** 2 <= 14**2
            patch = np.clip(np.array(color) + grain, 0, 255).astype(np.uint8)
            images[frame][here] = patch[y[here] - cy + 14, x[here] - cx + 14]
            truth[frame][here] = number
    return images, truth


def test_the_box_is_one_layer_over_the_whole_shot():
    clip = box_clip()
    layers = follow(clip.images, moving_in(1.0).moving)
    (thing,) = layers.things
    assert (thing.id, thing.name, thing.first, thing.last) == (1, "Thing 1", 0, len(clip.images) - 1)
    assert set(np.unique(layers.labels)) == {0, 1}


def test_nothing_moving_is_no_layer():
    images, _ = discs([])
    assert follow(images, np.zeros(images.shape[:3], np.uint8)).things == ()


def test_a_thing_keeps_its_number_behind_a_wall():
    images, truth = discs([(RED, (20, 60), (6, 0))], frames=26, hidden=lambda frame, x: 70 < x < 105)
    layers = follow(images, (truth > 0).astype(np.uint8) * 255)
    (thing,) = layers.things
    assert (thing.first, thing.last) == (0, 25)
    assert np.array_equal(layers.labels > 0, truth > 0)


def test_things_that_cross_keep_their_numbers():
    images, truth = discs([(RED, (20, 60), (8, 0)), (BLUE, (172, 60), (-8, 0))])
    layers = follow(images, (truth > 0).astype(np.uint8) * 255)
    assert len(layers.things) == 2
    for frame in (0, -1):
        for number in (1, 2):
            (found,) = np.unique(layers.labels[frame][truth[frame] == number])
            (other,) = np.unique(layers.labels[0][truth[0] == number])
            assert found == other


def test_a_thing_that_is_missed_right_after_it_crossed_another_keeps_its_number():
    images, truth = discs([(RED, (100, 60), (0, 0)), (BLUE, (172, 60), (-8, 0))])
    found = (truth > 0).astype(np.uint8) * 255
    for frame in range(10, 15):
        away = truth[frame] == 2
        found[frame][away] = 0
        found[frame, 60:64, 96:100] = 255  # and the mask of the other keeps a few pixels of its
    layers = follow(images, found)
    assert len(layers.things) == 2
    for number in (1, 2):
        (first,) = np.unique(layers.labels[0][truth[0] == number])
        (last,) = np.unique(layers.labels[-1][truth[-1] == number])
        assert first == last


def test_what_a_person_touches_in_all_frames_is_another_thing_as_it_passes_behind():
    images, truth = discs([(BLUE, (82, 60), (1, 0)), (RED, (60, 60), (3, 0))])
    moving = (truth > 0).astype(np.uint8) * 255
    assert len(follow(images, moving).things) == 1
    layers = follow(images, moving, people=truth == 2)
    assert len(layers.things) == 2
    person = layers.labels[-1][truth[-1] == 2][0]
    assert (layers.labels[truth == 2] == person).mean() > 0.99
    assert (layers.labels[truth == 1] != person).mean() > 0.9


def test_what_goes_along_with_a_person_stays_of_it():
    images, truth = discs([(BLUE, (82, 60), (3, 0)), (RED, (60, 60), (3, 0))])
    layers = follow(images, (truth > 0).astype(np.uint8) * 255, people=truth == 2)
    assert len(layers.things) == 1


def test_what_comes_out_behind_a_thing_is_another_and_the_thing_keeps_its_number():
    images, truth = discs([(BLUE, (40, 60), (7, 0)), (RED, (40, 60), (4, 0))])  # the red one hides it at first
    layers = follow(images, (truth > 0).astype(np.uint8) * 255)
    assert len(layers.things) == 2
    (first,) = np.unique(layers.labels[0][truth[0] == 2])
    (last,) = np.unique(layers.labels[-1][truth[-1] == 2])
    (other,) = np.unique(layers.labels[-1][truth[-1] == 1])
    assert first == last != other


def test_what_leaves_a_crossing_takes_nothing_of_the_other_along():
    """A ball as blue as the trousers that it passes."""
    images, truth = discs([(BLUE, (100, 60), (0, 0)), (RED, (100, 48), (0, 0)), (BLUE, (185, 64), (-9, 0))])
    truth[truth == 2] = 1  # one person
    layers = follow(images, (truth > 0).astype(np.uint8) * 255)
    ball = layers.labels[0][truth[0] == 3]
    for frame in (0, -1):
        assert (layers.labels[frame][truth[frame] == 1] == np.median(ball)).mean() < 0.02
        assert (layers.labels[frame][truth[frame] == 3] == np.median(ball)).mean() > 0.95


def test_specks_and_flashes_are_no_layers():
    images, truth = discs([(RED, (20, 60), (6, 0))])
    moving = (truth > 0).astype(np.uint8) * 255
    moving[:, 5, 5] = 255  # a pixel all along
    moving[9, 90:110, 20:40] = 255  # a large patch for one frame
    (thing,) = follow(images, moving).things
    assert thing.id == 1


def test_a_speck_that_just_came_up_takes_nothing_from_the_thing_that_meets_it():
    images, truth = discs([(RED, (20, 60), (4, 0))])
    grain = np.random.default_rng(1).integers(-25, 25, (*truth.shape, 1))
    found = (truth > 0).astype(np.uint8) * 255
    lower = (truth == 1) & (np.arange(truth.shape[1])[:, None] > 60)
    speck = np.zeros(truth.shape, bool)
    speck[8:12, 66:69, 72:92] = True
    of_one_color = lower | speck
    images[of_one_color] = np.clip(np.array(GREEN) + grain, 0, 255).astype(np.uint8)[of_one_color]
    found[speck] = 255
    layers = follow(images, found)
    (thing,) = layers.things
    assert (layers.labels[truth > 0] == thing.id).mean() > 0.97


def test_things_that_begin_as_one_and_part_are_two_from_the_start():
    images, truth = discs([(RED, (85, 60), (-3, 0)), (BLUE, (112, 60), (3, 0))])
    layers = follow(images, (truth > 0).astype(np.uint8) * 255)
    assert len(layers.things) == 2
    first, last = layers.labels[0], layers.labels[-1]
    for number in (1, 2):
        (thing,) = np.unique(last[truth[-1] == number])
        assert (first[truth[0] == number] == thing).mean() > 0.9


def test_a_limb_that_shows_apart_for_a_while_is_no_thing_of_its_own():
    images, truth = discs([(RED, (40, 60), (4, 0))])
    foot = np.zeros_like(truth)
    for frame in range(20):
        gap = 8 if 6 <= frame < 12 else 0
        foot[frame, 70 + gap : 82 + gap, 36 + 4 * frame : 46 + 4 * frame] = 1
    images[foot > 0] = RED
    layers = follow(images, ((truth > 0) | (foot > 0)).astype(np.uint8) * 255)
    assert len(layers.things) == 1
    assert (layers.labels[foot > 0] == 1).all()


def test_a_shadow_and_what_stands_still_are_no_things():
    clip = box_clip()
    images, moving = clip.images.copy(), clip.moving.astype(np.uint8) * 255
    for frame in range(len(images)):
        shade = np.s_[frame, 150:180, 20 + 6 * frame : 60 + 6 * frame]
        behind_nothing = ~clip.moving[shade]
        images[shade][behind_nothing] = (0.6 * images[shade][behind_nothing]).astype(np.uint8)
        moving[shade] = 255
    moving[:, 10:40, 200:240] = 255  # a piece of the wall
    (thing,) = follow(images, moving).things
    assert thing.id == 1


def test_a_slow_thing_that_was_missed_at_first_stays_one():
    images, truth = discs([(RED, (80, 60), (0.2, 0))], frames=40)
    found = (truth > 0).astype(np.uint8) * 255
    found[:4] = 0  # there it looks like scenery
    (thing,) = follow(images, found).things
    assert (thing.first, thing.last) == (4, 39)


def test_parts_that_touch_all_the_time_are_one_thing():
    labels = np.zeros((10, 20, 30), np.int32)
    labels[:, 5:10, 5:10], labels[:, 10:15, 5:10] = 1, 2
    labels[:3, 5:10, 12:16], labels[3:, 5:10, 24:28] = 3, 3
    none, first, second, third = group_things(labels, 3, gap_px=2)
    assert none == 0
    assert first == second != third == 3


def test_what_is_above_the_other_all_the_time_is_one_body():
    labels = np.zeros((10, 80, 60), np.int32)
    labels[:, 10:30, 20:40], labels[:, 50:58, 26:34] = 1, 2  # what is between them was not found to move
    assert group_things(labels, 2, gap_px=2).tolist() == [0, 1, 1]


def test_what_passes_is_another_thing():
    labels = np.zeros((20, 80, 120), np.int32)
    labels[:, 10:50, 50:70] = 1
    for frame in range(20):
        labels[frame, 40:60, 30 + 2 * frame : 50 + 2 * frame] = 2  # touches in every frame
    assert group_things(labels, 2, gap_px=2).tolist() == [0, 1, 2]


def test_pixels_of_two_things_of_like_color_go_where_they_belong():
    noise = np.random.default_rng(3).integers(-4, 5, (40, 60, 3))
    truth = np.where(np.arange(60) < 30, 1, 2) * np.ones((40, 1), np.int32)
    image = (np.where(truth[..., None] == 1, (72, 100, 102), (72, 114, 118)) + noise).astype(np.uint8)
    carried = np.where(np.arange(60) < 40, 1, 2) * np.ones((40, 1), np.int32)  # the flow is off by 10 pixels
    colors = {number: color_histogram(image[truth == number]) for number in (1, 2)}
    found = shared(image, carried, colors, np.ones(truth.shape, bool)).reshape(truth.shape)
    assert (found != truth).mean() <= 0.05
