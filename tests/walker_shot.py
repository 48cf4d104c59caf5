"""The demo's walker, cut out, on a floor before a wall, seen by a camera that moves sideways; truth is known."""

from dataclasses import dataclass

import cv2
import numpy as np
from camera_path import cameras_alone
from card_shot import noise
from demo_walkers import picture, walker

from model_server.geometry.pixel_map import PixelMap
from model_server.geometry.shot import DepthMaps, Solution

FRAMES, WIDTH, HEIGHT, FOCAL = 13, 480, 270, 400.0
PIXELS = PixelMap((1.0, 1.0))
EYE, WALL, WALKER, TALL = 1.5, 16.0, 8.0, 1.8  # meters: camera above the floor, wall and walker before it, his height
ASIDE = 1.2  # meters that the camera moves
_SHARPNESS = 12.0  # texture pixels a meter
_EVEN, _CONTRAST = 150, 0.1  # levels of floor and wall, and what is left of the texture's contrast
_DEMO_FRAME = 30


@dataclass(frozen=True)
class WalkerShot:
    images: np.ndarray  # (F, H, W, 3) uint8
    walker: np.ndarray  # (F, H, W) bool
    depth: DepthMaps  # of floor and wall; at the walker it is not measured
    solution: Solution


def walker_shot(pace: float) -> WalkerShot:
    """He goes the way of the camera, `pace` times as far: he looks like a still point that is 1 / (1 - pace) as far."""
    texture = (_EVEN + _CONTRAST * (noise(2000, 2000, seed=1) - 127.5)).astype(np.uint8)
    here = walker(_DEMO_FRAME).astype(np.uint8)
    x, y, width, height = cv2.boundingRect(here)
    part = slice(y, y + height), slice(x, x + width)
    tall = round(FOCAL * TALL / WALKER)
    size = round(width * tall / height), tall
    body = cv2.resize(picture(_DEMO_FRAME)[part], size, interpolation=cv2.INTER_AREA)
    outline = cv2.resize(255 * here[part], size, interpolation=cv2.INTER_AREA) > 127
    images, masks, depths, poses = [], [], [], []
    for time in np.linspace(-0.5, 0.5, FRAMES):
        camera = ASIDE * time
        image, depth = _empty(texture, camera)
        left = round(WIDTH / 2 + FOCAL * (pace * camera - camera) / WALKER - size[0] / 2)
        top = round(HEIGHT / 2 + FOCAL * EYE / WALKER) - tall
        mask = np.zeros((HEIGHT, WIDTH), bool)
        box = slice(top, top + tall), slice(left, left + size[0])
        mask[box] = outline
        image[box][outline] = body[outline]
        depth[mask] = 0
        pose = np.eye(4)
        pose[0, 3] = -camera
        images.append(image), masks.append(mask), depths.append(depth), poses.append(pose)
    intrinsics = np.array([[FOCAL, 0, WIDTH / 2], [0, FOCAL, HEIGHT / 2], [0, 0, 1.0]])
    solution = cameras_alone(np.stack(poses), intrinsics)
    measured = np.stack(depths).astype(np.float32)
    return WalkerShot(
        np.stack(images), np.stack(masks), DepthMaps(measured, (measured > 0).astype(np.float32)), solution
    )


def _empty(texture: np.ndarray, camera: float) -> tuple[np.ndarray, np.ndarray]:
    """(H, W, 3) uint8 of floor and wall, and (H, W) their depth."""
    y, x = np.indices((HEIGHT, WIDTH)) + 0.5
    down = (y - HEIGHT / 2) / FOCAL
    depth = np.where(down > EYE / WALL, EYE / np.maximum(down, 1e-9), WALL)
    across = (x - WIDTH / 2) / FOCAL * depth + camera
    along = np.where(depth < WALL, WALL - depth, -(EYE - down * WALL))  # the floor, and up the wall
    where = [(values * _SHARPNESS + 1000).astype(np.float32) for values in (across, along)]
    return cv2.remap(texture, *where, cv2.INTER_LINEAR, borderMode=cv2.BORDER_WRAP), depth
