"""Tracks stay on the point they started on."""

import numpy as np
import pytest
from synthetic import synthetic_clip
from tolerances import TRACK_MEDIAN_PX, TRACK_WORST_TENTH_PX

from model_server.errors import Unsolvable
from model_server.geometry.cameras import inverse, project, transform, unproject
from model_server.geometry.pixel_map import PixelMap
from model_server.geometry.shot import Plate
from model_server.pipeline.tracks import track_points


def _plate(images: np.ndarray) -> Plate:
    height, width = images.shape[1:3]
    return Plate(images, lambda index: images[index], width, height, 1.0, PixelMap((1.0, 1.0)))


def _ignore(done: float) -> None:
    assert 0 <= done <= 1


@pytest.fixture(scope="module")
def clip():
    return synthetic_clip()


@pytest.fixture(scope="module")
def tracks(clip):
    return track_points(_plate(clip.images), _ignore)


def test_still_points_land_where_the_truth_puts_them(clip, tracks):
    errors = []
    for track in range(tracks.track_count):
        rows = np.nonzero(tracks.track_ids == track)[0]
        frames, positions = tracks.frame_indices[rows], tracks.positions[rows]
        x, y = np.floor(positions).astype(int).T
        if (
            clip.moving[frames, y, x].any()
            or np.ptp(clip.depth[frames[0], y[0] - 2 : y[0] + 3, x[0] - 2 : x[0] + 3]) > 0.1
        ):
            continue
        in_camera = unproject(positions[0], clip.depth[frames[0], y[0], x[0]], clip.intrinsics)
        world = transform(inverse(clip.camera_from_world[frames[0]]), in_camera)
        expected, _ = project(transform(clip.camera_from_world[frames], world), clip.intrinsics)
        errors.append(np.linalg.norm(expected[-1] - positions[-1]))
    assert len(errors) > 200
    assert np.median(errors) < TRACK_MEDIAN_PX
    assert np.quantile(errors, 0.9) < TRACK_WORST_TENTH_PX


def test_every_part_of_the_picture_has_tracks_in_every_frame(clip, tracks):
    height, width = clip.images.shape[1:3]
    for frame in range(len(clip.images)):
        x, y = tracks.positions[tracks.frame_indices == frame].T
        counts, _, _ = np.histogram2d(y, x, bins=(3, 4), range=((0, height), (0, width)))
        assert counts.min() >= 5


def test_rows_are_sorted_and_a_track_is_seen_once_a_frame(tracks):
    order = np.lexsort((tracks.frame_indices, tracks.track_ids))
    assert np.array_equal(order, np.arange(len(order)))
    pairs = np.stack([tracks.track_ids, tracks.frame_indices])
    assert np.unique(pairs, axis=1).shape == pairs.shape
    assert np.bincount(tracks.track_ids).min() >= 3


def test_the_same_footage_gives_the_same_tracks(clip, tracks):
    again = track_points(_plate(clip.images), _ignore)
    assert np.array_equal(tracks.positions, again.positions)
    assert np.array_equal(tracks.track_ids, again.track_ids)


def test_points_are_found_again_behind_black_frames(clip):
    gap = slice(4, 8)
    images = clip.images.copy()
    images[gap] = 0
    tracks = track_points(_plate(images), _ignore)
    before = np.unique(tracks.track_ids[tracks.frame_indices < gap.start])
    behind = np.unique(tracks.track_ids[tracks.frame_indices >= gap.stop])
    assert len(np.intersect1d(before, behind)) >= 20


def test_black_frames_are_named():
    with pytest.raises(Unsolvable, match="black"):
        track_points(_plate(np.zeros((5, 90, 160, 3), np.uint8)), _ignore)


def test_a_single_frame_is_named(clip):
    with pytest.raises(Unsolvable, match="single frame"):
        track_points(_plate(clip.images[:1]), _ignore)


def test_noise_without_texture_is_named():
    random = np.random.default_rng(0)
    with pytest.raises(Unsolvable, match="texture"):
        track_points(_plate(random.integers(0, 255, (6, 90, 160, 3), np.uint8)), _ignore)
