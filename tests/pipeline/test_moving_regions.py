"""Regions that move are whole, and none is there that nothing is certain of."""

import numpy as np

from model_server.pipeline.moving_regions import moving_regions

SIZE = (120, 160)
THING = np.s_[20:100, 40:80]


def maps(certain=THING):
    """Log odds and evidence of a thing that is likely to move, and certain to in one part."""
    odds, evidence = np.full(SIZE, -4.0, np.float32), np.full(SIZE, -2.0, np.float32)
    odds[THING], evidence[THING], evidence[certain] = 2.0, 1.0, 6.0
    return odds, evidence


def moves(odds, evidence):
    return moving_regions(odds, evidence) > 127


def test_a_region_of_which_enough_is_certain_is_kept_whole():
    odds, evidence = maps(certain=np.s_[20:60, 40:80])
    assert np.array_equal(moves(odds, evidence), odds > 0)


def test_a_region_of_which_nothing_is_certain_is_dropped():
    assert not moves(*maps(certain=np.s_[0:0, 0:0])).any()


def test_of_a_region_of_which_little_is_certain_that_is_kept():
    certain = np.s_[20:30, 50:70]
    found = moves(*maps(certain))
    assert found[certain].all()
    assert not found[50:].any()
    assert not (found & ~(maps()[0] > 0)).any()


def test_a_speck_is_not_kept_however_certain():
    assert not moves(*maps(certain=np.s_[40:41, 50:52])).any()


def test_a_small_hole_that_nothing_proves_still_is_filled_and_a_proven_one_is_not():
    odds, evidence = maps()
    hole = np.s_[50:60, 55:65]
    odds[hole], evidence[hole] = -1.0, 0.0
    assert moves(odds, evidence)[hole].all()
    evidence[hole] = -2.0
    assert not moves(odds, evidence)[52:58, 57:63].any()
