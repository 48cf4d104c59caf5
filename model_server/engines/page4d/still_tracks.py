"""Which tracks stand still: they keep to the epipolar geometry of the rest, and the network saw nothing move there."""

import numpy as np

from model_server.engines.classical.epipolar import static_tracks
from model_server.geometry.shot import Array, Plate, Progress, Tracks
from model_server.geometry.square_picture import SquarePicture

_MOVING = 0.5  # the network's own border between what holds still and what moves
_LEAST_SHARE = 0.5  # of the tracks must be left: a map that says most of the picture moves is no evidence
_LEAST = 50


def still_tracks(plate: Plate, tracks: Tracks, motion: Array | None, progress: Progress) -> Array:
    """(track_count,) bool.

    Args:
        motion: (F, H, W) 0 still .. 1 moving, on the plate's model pixels; None where the network knows none.
    """
    square = SquarePicture.of(plate)
    epipolar = static_tracks(square.from_plate(tracks.positions), tracks.frame_indices, tracks.track_ids, progress)
    if motion is None:
        return epipolar
    both = epipolar & (_seen_moving(plate, tracks, motion) <= _MOVING)
    return both if both.sum() >= max(_LEAST, _LEAST_SHARE * epipolar.sum()) else epipolar


def _seen_moving(plate: Plate, tracks: Tracks, motion: Array) -> Array:
    """(track_count,) mean of the motion at a track's sightings."""
    height, width = motion.shape[1:]
    places = np.floor(plate.pixels.model_from_footage(tracks.positions.astype(np.float64))).astype(np.int64)
    x, y = np.clip(places, 0, [width - 1, height - 1]).T
    values = np.asarray(motion[tracks.frame_indices, y, x], np.float64)
    count = np.bincount(tracks.track_ids, minlength=tracks.track_count)
    return np.bincount(tracks.track_ids, values, tracks.track_count) / np.maximum(count, 1)
