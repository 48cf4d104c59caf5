"""What moves gets the depth of the place it stands on."""

from dataclasses import replace

import numpy as np
import pytest
from moving_box import PIXELS, floor_of, solution_of, still_depth
from synthetic import synthetic_clip
from tolerances import BODY_RELATIVE, MOVING_DEPTH_FLICKER, MOVING_DEPTH_RELATIVE, PATH_OFF

from model_server.geometry.shot import DepthMaps, Ground, Layer, Layers
from model_server.pipeline.moving_depth import GUESSED, stand_on_ground
from model_server.pipeline.quantile_path import quantile_path


def standing(ground=None, depth=None):
    clip = synthetic_clip()
    layers = Layers(clip.moving.astype(np.uint8), (Layer(1, "Thing 1", 0, len(clip.images) - 1),))
    ground = ground or floor_of(clip)
    return clip, stand_on_ground(depth or still_depth(clip), layers, solution_of(clip), PIXELS, ground)


def relative_error(clip, found):
    return np.abs(found.depth / clip.depth - 1)[clip.moving].mean()


def test_the_box_stands_where_it_touches_the_floor():
    clip, found = standing()
    assert relative_error(clip, found) <= MOVING_DEPTH_RELATIVE


def test_the_floor_itself_may_be_unknown():
    clip = synthetic_clip()
    _, found = standing(ground=replace(floor_of(clip), floor=None))
    assert relative_error(clip, found) <= MOVING_DEPTH_RELATIVE


def test_the_still_depth_may_be_unknown():
    clip = synthetic_clip()
    unknown = DepthMaps(np.zeros_like(clip.depth), np.zeros(clip.depth.shape, np.float16))
    _, found = standing(depth=unknown)
    assert relative_error(clip, found) <= MOVING_DEPTH_RELATIVE


def test_what_stands_still_keeps_its_depth_and_the_rest_admits_a_guess():
    clip, found = standing()
    before = still_depth(clip)
    assert np.array_equal(found.depth[~clip.moving], before.depth[~clip.moving])
    assert np.array_equal(found.confidence[~clip.moving], before.confidence[~clip.moving])
    assert np.all(found.confidence[clip.moving] == np.float16(GUESSED))


def test_depth_of_the_box_does_not_flicker():
    clip, found = standing()
    middle = np.array([np.median(d[m]) / np.median(t[m]) for d, t, m in zip(found.depth, clip.depth, clip.moving)])
    assert np.abs(np.diff(np.log(middle))).max() <= MOVING_DEPTH_FLICKER


def test_nothing_known_stays_unknown():
    clip = synthetic_clip()
    unknown = DepthMaps(np.zeros_like(clip.depth), np.zeros(clip.depth.shape, np.float16))
    _, found = standing(Ground(floor_of(clip).up, None), unknown)
    assert not found.depth.any()


def _known(clip, factor=1.0):
    """What an engine says that knows the box's depth, up to a factor."""
    return DepthMaps(
        np.where(clip.moving, factor * clip.depth, clip.depth).astype(np.float32),
        np.full(clip.depth.shape, 0.9, np.float16),
        knows_moving=True,
    )


def test_depth_that_is_known_stays_as_it_is():
    clip = synthetic_clip()
    _, found = standing(depth=_known(clip, factor=1.03))
    assert np.array_equal(found.depth, _known(clip, factor=1.03).depth)
    assert np.array_equal(found.confidence, _known(clip).confidence)


def test_a_known_thing_that_is_clearly_off_the_floor_is_brought_there_whole():
    clip = synthetic_clip()
    known = _known(clip, factor=1.4)
    _, found = standing(depth=known)
    assert relative_error(clip, found) <= MOVING_DEPTH_RELATIVE
    factors = (found.depth / known.depth)[clip.moving]
    assert np.ptp(factors) <= 1e-6  # its shape and its path in depth are the engine's
    assert np.array_equal(found.confidence, known.confidence)


def test_a_known_depth_is_kept_where_nothing_tells_of_the_ground():
    clip = synthetic_clip()
    known = replace(_known(clip, factor=1.4), confidence=np.zeros(clip.depth.shape, np.float16))
    _, found = standing(Ground(floor_of(clip).up, None), known)
    assert np.array_equal(found.depth, known.depth)


def _bouncing(frames=30, radius=0.25, distance=5.0):
    """Labels of a ball at a constant depth that touches the floor for an instant, and a level camera 1.5 m above it."""
    y, x = np.mgrid[:192, :256] + 0.5
    labels = np.zeros((frames, 192, 256), np.uint8)
    for frame in range(frames):
        height = radius + 0.8 * abs(np.sin((frame - 11) * 0.2))
        middle = 128 + 60 * (frame / frames - 0.5), 96 + 224 * (1.5 - height) / distance
        labels[frame] = (x - middle[0]) ** 2 + (y - middle[1]) ** 2 < (224 * radius / distance) ** 2
    return labels


def _depth_of(labels):
    """What `stand_on_ground` finds for a thing seen by a level camera 1.5 m above the floor."""
    frames, level = len(labels), Ground(np.array([0.0, -1.0, 0.0]), np.array([0.0, -1.0, 0.0, 1.5]))
    clip = replace(synthetic_clip(frames=1, width=256, height=192, focal=224.0), images=np.zeros((frames, 192, 256, 3)))
    clip = replace(clip, camera_from_world=np.repeat(np.eye(4)[None], frames, axis=0))
    unknown = DepthMaps(np.zeros(labels.shape, np.float32), np.zeros(labels.shape, np.float16))
    layers = Layers(labels, (Layer(1, "Thing 1", 0, frames - 1),))
    return stand_on_ground(unknown, layers, solution_of(clip), PIXELS, level).depth


# Nearer than 3.5 m the floor lies below the picture: then the ball is cut off when it touches it.
@pytest.mark.parametrize("distance", [5.0, 3.1])
def test_a_ball_that_touches_the_floor_for_an_instant_has_its_depth_from_there(distance):
    labels = _bouncing(distance=distance)
    assert np.abs(_depth_of(labels)[labels > 0] / distance - 1).mean() <= MOVING_DEPTH_RELATIVE


def test_a_ball_that_only_touches_the_floor_where_its_shadow_joins_it_has_its_depth_from_there():
    labels = _bouncing()
    y, x = np.mgrid[:192, :256]
    for frame in (8, 9, 10, 11, 12, 13, 14, 26, 27, 28):
        middle = x[labels[frame] > 0].mean()
        labels[frame][(np.abs(x - middle) < 8) & (y > 140) & (y < 168)] = 1  # all around the place it touches
    assert np.abs(_depth_of(labels)[labels > 0] / 5 - 1).mean() <= MOVING_DEPTH_RELATIVE


def test_a_thing_that_is_found_in_part_for_a_while_keeps_the_size_that_it_has_in_most_frames():
    labels = np.zeros((30, 192, 256), np.uint8)
    labels[:, 119:163, 110:130] = 1  # 1 m tall, 5 m away
    labels[:8, 150:163] = 0  # without its feet it seems to be farther off, and smaller
    whole = labels[8:] > 0
    assert np.abs(_depth_of(labels)[8:][whole] / 5 - 1).mean() <= MOVING_DEPTH_RELATIVE


def test_who_is_found_bit_by_bit_from_the_feet_up_does_not_fly():
    labels = np.zeros((30, 192, 256), np.uint8)
    for frame in range(30):
        labels[frame, 140 - frame : 163, 118:130] = 1  # stands 5 m away; more is found of it in every frame
    assert np.abs(_depth_of(labels)[labels > 0] / 5 - 1).mean() <= MOVING_DEPTH_RELATIVE


def test_what_stands_on_an_edge_as_broad_as_itself_shows_its_front_there():
    labels = np.zeros((20, 192, 256), np.uint8)
    labels[:, 110:163, 100:160] = 1
    assert np.abs(_depth_of(labels)[labels > 0] / 5 - 1).max() <= BODY_RELATIVE


def test_a_box_with_its_shadow_in_its_outline_now_and_then_stands_on_its_edge():
    labels = np.zeros((30, 192, 256), np.uint8)
    labels[:, 110:163, 100:160] = 1  # stands 5 m away
    with_shadow = np.arange(30) % 5 < 2
    labels[with_shadow, 163:175, 100:125] = 1
    box = np.zeros(labels.shape, bool)
    box[:, 110:163, 100:160] = True
    assert np.abs(_depth_of(labels)[box] / 5 - 1).mean() <= BODY_RELATIVE


def test_a_crumb_below_a_thing_is_not_what_it_stands_on():
    labels = np.zeros((20, 192, 256), np.uint8)
    labels[:, 96 - 10 : 96 + 67, 110:140] = 1  # stands 5 m away
    alone = _depth_of(labels)[:, 86:163, 110:140]
    labels[:, 188:192, 150:165] = 1
    assert np.allclose(_depth_of(labels)[:, 86:163, 110:140], alone)


def test_a_thing_in_many_small_pieces_still_stands_somewhere():
    labels = np.zeros((20, 192, 256), np.uint8)
    labels[:, 90:163:3, 110:140:3] = 1  # 250 pixels, none of which touches another
    assert np.isfinite(_depth_of(labels)).all()
    assert (_depth_of(labels)[labels > 0] > 0).all()


def test_a_ball_is_round():
    y, x = np.mgrid[:192, :256] + 0.5
    ball, radius, focal = np.zeros((8, 192, 256), np.uint8), 0.5, 224.0
    ball[:] = (x - 128) ** 2 + (y - 96 - focal * (1.5 - radius) / 5) ** 2 < (focal * radius / 5) ** 2
    found = _depth_of(ball)
    center, rim = found[4, 141, 128], found[4, 141, 128 + 20]
    assert abs(center / (5.0 - radius) - 1) <= BODY_RELATIVE
    assert 0.5 * radius <= rim - center <= 1.2 * radius


def test_a_foot_in_the_air_does_not_carry_the_thing_away():
    frames = np.arange(48)
    lifted = 0.2 * np.maximum(0, np.sin(frames * 2 * np.pi / 12))  # a step is half a second, as in film
    truth = np.log(5 + 0.02 * frames)
    path = quantile_path(frames, truth + lifted, np.ones(48, bool), 0.3, 24)
    assert np.abs(path - truth).max() <= PATH_OFF
    assert np.abs(np.diff(path)).max() <= 0.02


def test_frames_that_tell_nothing_follow_those_that_do():
    frames, measured = np.arange(40), np.ones(40, bool)
    measured[12:22] = measured[:3] = False
    values = np.where(measured, 0.01 * frames, 9.0)
    path = quantile_path(frames, values, measured, 0.3, 24)
    assert np.abs(path[3:] - 0.01 * frames[3:]).max() <= PATH_OFF
    assert (path[:3] == path[3]).all()


def test_the_new_depth_can_be_kept_on_disk(tmp_path):
    clip, found = standing()
    layers = Layers(clip.moving.astype(np.uint8), (Layer(1, "Thing 1", 0, len(clip.images) - 1),))
    kept = stand_on_ground(still_depth(clip), layers, solution_of(clip), PIXELS, floor_of(clip), tmp_path)
    assert np.array_equal(kept.depth, found.depth)
    assert np.array_equal(np.load(tmp_path / "depth.npy"), found.depth)
    assert np.array_equal(np.load(tmp_path / "confidence.npy"), found.confidence)


def test_a_wrong_depth_at_the_thing_itself_does_not_pull_it_off_the_ground():
    clip = synthetic_clip()
    near = still_depth(clip)
    for frame in (5, 6, 7, 12):
        near.depth[frame][clip.moving[frame]] *= 0.4  # as stereo sees what comes along the view
    _, found = standing(depth=near)
    assert relative_error(clip, found) <= MOVING_DEPTH_RELATIVE
