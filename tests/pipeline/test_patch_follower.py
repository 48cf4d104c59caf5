"""A patch is found again where it is, and only where it is."""

import numpy as np
import pytest
from card_shot import FRAMES, HEIGHT, WIDTH, CardShot, card_shot
from tolerances import FOLLOWED_PX

from model_server.pipeline.patch_follower import Patch, PatchFollower

COMES, NEAR = np.array([0.3, 0.2, 9.0]), np.array([0.2, 0.2, 5.0])
LAST = FRAMES - 1


@pytest.fixture(scope="module")
def shot() -> CardShot:
    return card_shot(COMES, NEAR)


def follow(images: np.ndarray, card: np.ndarray):
    patch = Patch.of(images[LAST], card)
    return patch, PatchFollower(images).follow(patch, LAST)


def off_px(shot: CardShot, patch: Patch, sightings, index: int) -> float:
    """How far the patch's pixels are from where they are in truth."""
    inside = np.argwhere(patch.here)[:, ::-1] + 0.0
    at_last = inside @ patch.image_from_patch[:, :2].T + patch.image_from_patch[:, 2]
    matrix = [np.vstack([place, [0, 0, 1]]) for place in shot.image_from_card]
    truth = (matrix[index] @ np.linalg.inv(matrix[LAST]))[:2]
    found = sightings[index].image_from_patch
    away = inside @ found[:, :2].T + found[:, 2] - (at_last @ truth[:, :2].T + truth[:, 2])
    return float(np.linalg.norm(away, axis=1).max())


def test_it_is_followed_as_it_comes_nearer(shot):
    patch, sightings = follow(shot.images, shot.card[LAST])
    assert sorted(sightings) == list(range(FRAMES))
    assert max(off_px(shot, patch, sightings, index) for index in range(FRAMES)) <= FOLLOWED_PX


def test_what_is_large_is_looked_at_in_a_smaller_picture():
    shot = card_shot(np.array([0.3, 0.1, 4.0]), np.array([0.6, 0.0, 2.5]))
    patch, sightings = follow(shot.images, shot.card[LAST])
    assert patch.factor == 2
    assert sorted(sightings) == list(range(FRAMES))
    assert max(off_px(shot, patch, sightings, index) for index in range(FRAMES)) <= FOLLOWED_PX * patch.factor


def test_what_passes_before_it_hides_its_pixels_and_does_not_take_it_along(shot):
    images, hidden = shot.images.copy(), np.zeros(shot.card.shape, bool)
    for index in range(6, 20):
        left = 60 + 12 * index
        hidden[index, :, left - 20 : left + 20] = True
    images[hidden] = (240, 200, 40)
    patch, sightings = follow(images, shot.card[LAST])
    assert max(off_px(shot, patch, sightings, index) for index in sightings) <= FOLLOWED_PX
    assert 0 in sightings
    for index, sighting in sightings.items():
        y, x = np.argwhere(sighting.matched).T
        at = np.rint(np.column_stack([x, y]) @ sighting.image_from_patch[:, :2].T + sighting.image_from_patch[:, 2])
        column, row = np.clip(at.astype(int), 0, (shot.card.shape[2] - 1, shot.card.shape[1] - 1)).T
        assert hidden[index, row, column].mean() <= 0.1


def test_a_shadow_does_not_hide_it(shot):
    images = shot.images.copy()
    for index in range(16):  # its edge goes over the card
        images[index, :, : 150 + 2 * index] = (images[index, :, : 150 + 2 * index] * 0.6).astype(np.uint8)
    patch, sightings = follow(images, shot.card[LAST])
    assert sorted(sightings) == list(range(FRAMES))
    assert max(off_px(shot, patch, sightings, index) for index in range(FRAMES)) <= FOLLOWED_PX


def test_it_is_not_found_where_it_is_not(shot):
    images = shot.images.copy()
    images[:10] = card_shot(COMES, NEAR).images[0][::-1, ::-1]  # another view of the wall, upside down
    _, sightings = follow(images, shot.card[LAST])
    assert min(sightings) == 10


def test_a_thread_that_a_smaller_picture_does_not_show_is_seen_in_its_own_frame_only(shot):
    thread = np.zeros((HEIGHT, WIDTH), bool)
    thread[100, 20:300] = True
    _, sightings = follow(shot.images, thread)
    assert list(sightings) == [LAST]
