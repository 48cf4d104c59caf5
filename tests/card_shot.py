"""A wall and a card before it, seen by a camera that moves sideways: drawn by warping two textures, truth known."""

from dataclasses import dataclass

import cv2
import numpy as np
from camera_path import cameras_alone

from model_server.geometry.shot import Solution

FRAMES, WIDTH, HEIGHT, FOCAL = 24, 320, 240, 300.0
WALL, CARD = 12.0, np.array([1.6, 1.2])  # meters: how far the wall is, and the size of the card
INTRINSICS = np.array([[FOCAL, 0, WIDTH / 2], [0, FOCAL, HEIGHT / 2], [0, 0, 1.0]])


@dataclass(frozen=True)
class CardShot:
    images: np.ndarray  # (F, H, W, 3) uint8
    card: np.ndarray  # (F, H, W) bool
    image_from_card: np.ndarray  # (F, 2, 3), pixels counted from 0, of the card's texture of 128 x 96 pixels
    solution: Solution


def card_shot(start: np.ndarray, end: np.ndarray, sideways: float = 1.0) -> CardShot:
    """The card's middle goes from `start` to `end`, (3,) meters in axes of the first camera, which moves `sideways`."""
    wall, texture = noise(1100, 700, seed=1), noise(128, 96, seed=2)
    images, masks, places, poses = [], [], [], []
    for time in np.linspace(0, 1, FRAMES):
        camera = np.array([sideways * time, 0, 0])
        pose = np.eye(4)
        pose[:3, 3] = -camera
        image = cv2.warpAffine(wall, _seen(-camera + [0, 0, WALL], np.array([22.0, 14.0]), wall), (WIDTH, HEIGHT))
        place = _seen(start + time * (end - start) - camera, CARD, texture)
        card = cv2.warpAffine(texture, place, (WIDTH, HEIGHT))
        mask = cv2.warpAffine(np.full(texture.shape[:2], 255, np.uint8), place, (WIDTH, HEIGHT)) > 127
        images.append(np.where(mask[..., None], card, image))
        masks.append(mask)
        places.append(place)
        poses.append(pose)
    solution = cameras_alone(np.stack(poses), INTRINSICS)
    return CardShot(np.stack(images), np.stack(masks), np.stack(places), solution)


def noise(width: int, height: int, seed: int) -> np.ndarray:
    """(height, width, 3) uint8: colored blobs a few pixels wide."""
    values = np.random.default_rng(seed).uniform(0, 255, (height, width, 3)).astype(np.float32)
    smooth = cv2.GaussianBlur(values, (0, 0), 2.5)
    return np.clip((smooth - 127.5) * 6 + 127.5, 0, 255).astype(np.uint8)


def _seen(middle: np.ndarray, size: np.ndarray, texture: np.ndarray) -> np.ndarray:
    """(2, 3) image from texture, of a card that faces the camera."""
    scale = FOCAL * size / middle[2] / [texture.shape[1], texture.shape[0]]
    corner = INTRINSICS[:2, 2] + FOCAL * (middle[:2] - size / 2) / middle[2]
    return np.array([[scale[0], 0, corner[0] + 0.5 * scale[0] - 0.5], [0, scale[1], corner[1] + 0.5 * scale[1] - 0.5]])
