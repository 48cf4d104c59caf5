"""Tracks that are off together count as one measurement of the focal length, however many they are."""

import numpy as np
import pytest

from model_server.geometry.triangulation import PointSightings
from model_server.pipeline.focal_uncertainty import focal_uncertainty

WIDTH, HEIGHT, FRAMES = 640.0, 360.0, 5
PULL = np.array([[3.0, -1.0], [2.0, 0.0], [-4.0, 1.0], [-2.0, 1.0]])  # pixels, of 4 columns by 2 rows of the picture


def tracks(each: int) -> PointSightings:
    """So many in each of the eight parts, seen in all frames."""
    column, row, number = (index.ravel() for index in np.indices((4, 2, each)))
    random = np.random.default_rng(0)
    x = (column + 0.1 + 0.8 * random.random(len(number))) * WIDTH / 4
    y = (row + 0.1 + 0.8 * random.random(len(number))) * HEIGHT / 2
    ids = np.repeat(np.arange(len(x)), FRAMES)
    return PointSightings(np.tile(np.arange(FRAMES), len(x)), ids, np.column_stack([x, y])[ids])


def pulled(seen: PointSightings) -> float:
    """As if each sighting measured the focal length, off by what its part of the picture is off."""
    column, row = (seen.positions / [WIDTH / 4, HEIGHT / 2]).astype(int).T
    return 500 + float(PULL[column, row].mean())


@pytest.mark.parametrize("each", [10, 300])
def test_it_is_the_standard_error_of_the_parts(each):
    assert focal_uncertainty(tracks(each), pulled) == pytest.approx(PULL.std(ddof=1) / np.sqrt(PULL.size))


def test_of_more_sightings_than_are_needed_whole_tracks_are_left_out(monkeypatch):
    monkeypatch.setattr("model_server.pipeline.focal_uncertainty._MOST_SIGHTINGS", 400)
    counts = []

    def counted(seen: PointSightings) -> float:
        counts.append(len(seen.tracks))
        assert (np.bincount(seen.tracks)[np.unique(seen.tracks)] == FRAMES).all()
        return pulled(seen)

    sigma = focal_uncertainty(tracks(100), counted)
    assert sigma == pytest.approx(PULL.std(ddof=1) / np.sqrt(PULL.size), rel=0.3)
    assert max(counts) <= 400
