"""A camera that walks around in a textured hall, and a stand-in for the network that sees it window by window."""

from dataclasses import dataclass, field
from functools import lru_cache

import cv2
import numpy as np

from model_server.engines.page4d.similarity import Similarity, exponential
from model_server.engines.page4d.window import Window, WindowGeometry, WindowTooLong
from model_server.geometry.cameras import inverse, pixel_centers

HALL = np.array([[-6.0, 6.0], [-2.0, 1.5], [-6.0, 6.0]])  # x, y (down), z extents, meters
TEXELS = 40  # a meter
WALK = 2.5  # radius of the walk, meters


@dataclass(frozen=True)
class Hall:
    """Truth; solver axes, pixels with (0, 0) at the corner."""

    images: np.ndarray  # (F, H, W, 3) uint8
    camera_from_world: np.ndarray  # (F, 4, 4); world = first frame's camera
    intrinsics: np.ndarray  # (3, 3)
    depth: np.ndarray  # (F, H, W) float64


@lru_cache(maxsize=3)
def walk_around(frames: int, turns: float, width: int = 80, height: int = 60, posters: bool = False) -> Hall:
    """The camera walks a circle and looks outward; of `turns` above 1 it sees again what it saw first.

    `posters` hangs one and the same picture on two walls that face each other.
    """
    focal = 0.8 * width
    intrinsics = np.array([[focal, 0, width / 2], [0, focal, height / 2], [0, 0, 1.0]])
    pixels = pixel_centers(width, height)
    rays = np.concatenate([(pixels - [width / 2, height / 2]) / focal, np.ones((height, width, 1))], -1)
    walls = [_wall(face) for face in range(6)]
    if posters:
        for face in (4, 5):
            poster = _wall(9)[:70, :80]
            walls[face][40:110, 200:280] = poster if face == 5 else poster[:, ::-1]  # walls are drawn from one side
    images, poses, depths = [], [], []
    for s in np.arange(frames) / max(frames - 1, 1) * turns:
        pose = _pose(2 * np.pi * s)
        depth, image = _picture(pose[:3, 3], rays @ pose[:3, :3].T, walls)
        images.append(image)
        poses.append(np.linalg.inv(pose))
        depths.append(depth)
    return Hall(np.stack(images), np.stack(poses) @ inverse(poses[0]), intrinsics, np.stack(depths))


@dataclass
class StandIn:
    """A `Predict` that knows the truth and tells it in a world and a unit of its own for every window."""

    hall: Hall
    noise: float = 0.0  # relative, of depth
    wrong: float = 0.0  # share of the picture's width whose depth is off by a third or more, another way in each window
    turn_drift: float = 0.0  # radians a frame, in every window alike
    scale_drift: float = 0.0  # log a frame
    memory: int = 10_000  # frames
    asked: list[Window] = field(default_factory=list)

    def __call__(self, window: Window) -> WindowGeometry:
        self.asked.append(window)
        if window.frame_count > self.memory:
            raise WindowTooLong(f"{window.frame_count} frames are too many")
        random = np.random.default_rng(window.start)
        frames = slice(window.start, window.stop)
        depth = self.hall.depth[frames].copy()
        steps = np.arange(window.frame_count)
        cameras = drifted(
            self.hall.camera_from_world[frames], self.turn_drift * steps, np.exp(self.scale_drift * steps)
        )
        depth *= np.exp(self.scale_drift * steps)[:, None, None]
        depth *= 1 + self.noise * random.normal(size=depth.shape)
        depth[:, :, : round(self.wrong * depth.shape[2])] *= random.uniform(1.3, 2.5)
        own = gauge(window.start)
        return WindowGeometry(
            camera_from_world=own.cameras(cameras),
            intrinsics=np.tile(self.hall.intrinsics, (window.frame_count, 1, 1)),
            depth=(own.scale * depth).astype(np.float32),
            confidence=np.full(depth.shape, 0.9, np.float32),
            motion=None,
        )


def gauge(seed: int) -> Similarity:
    """`window_from_world`, any."""
    random = np.random.default_rng([seed, 7])
    return exponential(np.concatenate([random.normal(size=3), random.uniform(-1, 1, 3), random.uniform(-1, 1, 1)]))


def drifted(camera_from_world: np.ndarray, turns: np.ndarray, scales: np.ndarray) -> np.ndarray:
    """Each step of the path turned about the camera's y axis a little more, and longer by its scale."""
    steps = camera_from_world[1:] @ inverse(camera_from_world[:-1])
    result = [camera_from_world[0]]
    for step, turn, scale in zip(steps, np.diff(turns), scales[1:]):
        moved = step.copy()
        moved[:3, 3] *= scale
        extra = np.eye(4)
        extra[:3, :3] = cv2.Rodrigues(np.array([0.0, turn, 0]))[0]
        result.append(extra @ moved @ result[-1])
    return np.stack(result)


def _pose(angle: float) -> np.ndarray:
    """world_from_camera: on the circle, looking away from its center, nodding a little."""
    nod = cv2.Rodrigues(np.array([0.05 * np.sin(3 * angle), 0, 0]))[0]
    pose = np.eye(4)
    pose[:3, :3] = cv2.Rodrigues(np.array([0.0, angle, 0]))[0] @ nod
    pose[:3, 3] = [WALK * np.sin(angle), 0.3 * np.sin(2 * angle), WALK * np.cos(angle)]
    return pose


def _wall(face: int) -> np.ndarray:
    """(480, 480, 3) float32: value noise in three sizes."""
    random = np.random.default_rng(face)
    parts = [
        weight * cv2.resize(random.random((cells, cells, 3), np.float32), (480, 480), interpolation=cv2.INTER_CUBIC)
        for cells, weight in ((12, 0.4), (60, 0.35), (160, 0.25))
    ]
    return np.sum(parts, axis=0) * 255


def _picture(origin: np.ndarray, directions: np.ndarray, walls: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Depth (rays have z = 1 in the camera, so distance along the ray is depth) and colors."""
    with np.errstate(divide="ignore"):
        distances = np.where(directions > 0, (HALL[:, 1] - origin) / directions, (HALL[:, 0] - origin) / directions)
    axis = np.argmin(distances, -1)
    depth = np.take_along_axis(distances, axis[..., None], -1)[..., 0]
    face = axis * 2 + (np.take_along_axis(directions, axis[..., None], -1)[..., 0] > 0)
    places = (origin + directions * depth[..., None] - HALL[:, 0]) * TEXELS
    image = np.zeros((*depth.shape, 3))
    for number, wall in enumerate(walls):
        on = face == number
        u, v = (places[..., i].astype(np.float32) for i in range(3) if i != number // 2)
        image[on] = cv2.remap(wall, u, v, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)[on]
    return depth, np.clip(image, 0, 255).astype(np.uint8)
