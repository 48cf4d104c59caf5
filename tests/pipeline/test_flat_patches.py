"""Planes of patches without texture, on a floor that is made up for it."""

import numpy as np
import pytest
import tolerances
from numpy.testing import assert_allclose

from model_server.engines.classical.flat_patches import plane_depths

HEIGHT, WIDTH, WALL_ENDS = 90, 120, 30


def bare_floor():
    """A picture (H, W, 3) of a floor without texture below a wall, and the floor's inverse depth (H, W)."""
    image = np.full((HEIGHT, WIDTH, 3), 120, np.uint8)
    image[:WALL_ENDS] = np.random.default_rng(4).integers(0, 255, (WALL_ENDS, WIDTH, 3))
    return image, (0.1 + 0.004 * (np.mgrid[:HEIGHT, :WIDTH][0] - WALL_ENDS)).astype(np.float32)


def test_a_textured_wall_along_one_side_does_not_settle_the_plane_of_a_bare_floor():
    image, floor = bare_floor()
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    wall = (0.05 + 0.0004 * x).astype(np.float32)  # the whole of it is measured, of the floor a few spots
    measured = np.where(y < WALL_ENDS + 2, wall, 0)
    spots = (y > WALL_ENDS + 8) & (y % 12 < 2) & (x % 12 < 2)
    measured[spots] = floor[spots]
    found = plane_depths(image, measured.astype(np.float32))[WALL_ENDS + 8 :]
    assert_allclose(found, floor[WALL_ENDS + 8 :], rtol=tolerances.PATCH_PLANE)


def test_a_plane_ends_with_its_patch():
    image, floor = bare_floor()
    y, _ = np.mgrid[:HEIGHT, :WIDTH]
    measured = np.where((y >= WALL_ENDS) & (y % 6 < 2), floor, 0)
    found = plane_depths(image, measured.astype(np.float32))
    assert_allclose(found[WALL_ENDS:], floor[WALL_ENDS:], rtol=tolerances.PATCH_PLANE)
    assert not found[:WALL_ENDS].any()


@pytest.mark.parametrize("seen", [np.maximum, np.minimum], ids=["corner of a room", "edge of a box"])
def test_two_bare_faces_that_look_alike_meet_where_their_planes_do(seen):
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    faces = seen(0.3 + 0.004 * (y - WALL_ENDS), 0.3 + 0.0005 * (x - WIDTH / 2)).astype(np.float32)
    sides = (x < 4) | (x >= WIDTH - 4) | (y < 4) | (y >= HEIGHT - 4)
    image = np.full((HEIGHT, WIDTH, 3), 120, np.uint8)
    image[sides] = np.random.default_rng(4).integers(0, 255, (np.count_nonzero(sides), 3))
    found = plane_depths(image, np.where(sides, faces, 0).astype(np.float32))[4:-4, 4:-4]
    assert_allclose(found, faces[4:-4, 4:-4], rtol=tolerances.PATCH_PLANE)
