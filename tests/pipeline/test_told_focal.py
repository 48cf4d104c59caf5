"""Pairs of pictures tell the focal length where they can, and it keeps a structure from fitting only what is far."""

import numpy as np
import pytest
from track_scene import FOCAL, HEIGHT, WIDTH, track_scene
from whip_pan import FOCAL as WIDE
from whip_pan import FRAMES, SQUARE, whip_pan

from model_server.engines.classical.explained import explained
from model_server.engines.classical.keyframes import keyframes
from model_server.engines.classical.match_database import Sightings
from model_server.engines.classical.structure import LensGuess, find_structure
from model_server.engines.classical.told_focal import told_focal
from model_server.geometry.lens import Distortion


def _ignore(done: float) -> None:
    assert 0 <= done <= 1


def _told(scene):
    tracks, frames = scene.tracks, scene.plate.frame_count
    positions = tracks.positions.astype(np.float64) * 1000 / WIDTH
    sightings = Sightings(tracks.frame_indices, tracks.track_ids, positions)
    return told_focal(sightings, keyframes(sightings, frames), np.array([500.0, 500.0 * HEIGHT / WIDTH]))


def test_a_camera_that_turns_while_it_moves_tells_its_focal_length():
    told = _told(track_scene(turn=0.5))
    assert told.focal == pytest.approx(FOCAL * 1000 / WIDTH, rel=0.05)
    assert not told.contradicts(FOCAL * 1000 / WIDTH)
    assert told.contradicts(1.5 * FOCAL * 1000 / WIDTH)


def test_a_camera_that_only_goes_sideways_tells_none():
    assert _told(track_scene(turn=0, forward=0)) is None


def test_too_few_shared_tracks_tell_none():
    sightings, _ = whip_pan(1)
    few = sightings.tracks % 20 == 0
    few_sightings = Sightings(sightings.frames[few], sightings.tracks[few], sightings.positions[few])
    assert told_focal(few_sightings, np.arange(0, FRAMES, 4), SQUARE.center) is None


def test_true_cameras_explain_all_and_ones_turned_inside_out_only_what_is_far():
    sightings, poses = whip_pan(1)
    intrinsics = np.tile(SQUARE.intrinsics(WIDE), (FRAMES, 1, 1))
    back = poses.copy()
    back[:, :3, 3] *= -1
    assert explained(sightings, poses, intrinsics, Distortion()) > 0.99
    far = np.bincount(sightings.tracks)[sightings.tracks] > 8
    assert explained(sightings, back, intrinsics, Distortion()) < far.mean() + 0.05


def test_cameras_that_are_not_known_explain_nothing():
    sightings, poses = whip_pan(1)
    poses[FRAMES // 2 :] = np.nan
    share = explained(sightings, poses, np.tile(SQUARE.intrinsics(WIDE), (FRAMES, 1, 1)), Distortion())
    assert share == pytest.approx(np.mean(sightings.frames < FRAMES // 2), abs=0.01)


def test_a_structure_is_not_taken_that_fits_only_what_is_far():
    sightings, _ = whip_pan(2)
    found = find_structure(sightings, keyframes(sightings, FRAMES), FRAMES, SQUARE, LensGuess(), _ignore)
    assert found.focal == pytest.approx(WIDE, rel=0.02)
    assert found.k1 == pytest.approx(0, abs=0.01)
