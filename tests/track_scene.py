"""Tracks whose truth is known exactly: points before a moving camera, projected; no pictures."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.spatial.transform import Rotation

from model_server.geometry.cameras import project, transform
from model_server.geometry.lens import Distortion, distort_pixels
from model_server.geometry.pixel_map import PixelMap
from model_server.geometry.shot import Plate, Tracks

WIDTH, HEIGHT, FOCAL = 640, 360, 500.0


def _still_focal(share: float) -> float:
    return 1.0


@dataclass(frozen=True)
class TrackScene:
    plate: Plate  # has no pictures: nothing may ask for them
    tracks: Tracks
    camera_from_world: np.ndarray  # (F, 4, 4); world = first frame's camera
    intrinsics: np.ndarray  # (3, 3) plate pixels, of the first frame
    focals: np.ndarray  # (F,) fy in plate pixels
    moving: np.ndarray  # (track_count,) bool


def track_scene(
    travel: float = 1.0,
    turn: float = 0.15,
    lens: Distortion | None = None,
    pixel_aspect: float = 1.0,
    movers: int = 0,
    noise_px: float = 0.1,
    frames: int = 14,
    forward: float = 0.25,
    zoom: Callable[[float], float] = _still_focal,
) -> TrackScene:
    """A camera that goes `travel` meters sideways and turns by `turn` radians past 400 points 2 to 8 m away.

    It also goes `forward` times its travel along the view; `zoom` gives what the focal length is times FOCAL when a
    share of the shot is over, 0..1.
    """
    random = np.random.default_rng(5)
    still = random.uniform([-5, -2.5, 2], [5, 2.5, 8], (400, 3))
    walking = random.uniform([-0.6, -0.6, 3.8], [0.2, 0.6, 4.2], (movers, 3))
    all_intrinsics = np.stack([_intrinsics(FOCAL * zoom(s), pixel_aspect) for s in np.linspace(0, 1, frames)])
    poses, rows = [], []
    for frame in range(frames):
        s = frame / (frames - 1)
        pose = np.eye(4)
        angles = [0.3 * turn * np.sin(4 * s), turn * s, 0.2 * turn * np.sin(3 * s)]
        pose[:3, :3] = Rotation.from_rotvec(angles).as_matrix()
        center = travel * np.array([s, 0.15 * np.sin(5 * s), forward * s])
        pose[:3, 3] = -pose[:3, :3] @ center
        poses.append(pose)
        step = np.array([0.9 * s, 0.25 * np.sin(7 * s), 0.3 * np.sin(5 * s)])
        points = np.concatenate([still, walking + step])
        intrinsics = all_intrinsics[frame]
        pixels, depth = project(transform(pose, points), intrinsics)
        pixels = distort_pixels(pixels, intrinsics, lens or Distortion()) + random.normal(0, noise_px, pixels.shape)
        inside = (depth > 0.5) & (pixels > 0).all(1) & (pixels < [WIDTH / pixel_aspect, HEIGHT]).all(1)
        rows.append(np.column_stack([np.nonzero(inside)[0], np.full(inside.sum(), frame), pixels[inside]]))
    table = np.concatenate(rows)
    _, ids = np.unique(table[:, 0], return_inverse=True)
    order = np.lexsort((table[:, 1], ids))
    moving = np.zeros(ids.max() + 1, bool)
    moving[ids] = table[:, 0] >= len(still)
    tracks = Tracks(ids[order].astype(np.int32), table[order, 1].astype(np.int32), table[order, 2:].astype(np.float32))
    width = round(WIDTH / pixel_aspect)
    images = np.zeros((frames, 1, 1, 3), np.uint8)
    plate = Plate(images, _no_picture, width, HEIGHT, pixel_aspect, PixelMap((float(width), float(HEIGHT))))
    return TrackScene(plate, tracks, np.stack(poses), all_intrinsics[0], all_intrinsics[:, 1, 1], moving)


def zooming(ratio: float) -> Callable[[float], float]:
    """A zoom that starts and ends softly at `ratio` times the first focal length."""
    return lambda share: float(ratio ** (share * share * (3 - 2 * share)))


def _intrinsics(focal: float, pixel_aspect: float) -> np.ndarray:
    return np.array([[focal / pixel_aspect, 0, WIDTH / pixel_aspect / 2], [0, focal, HEIGHT / 2], [0, 0, 1]])


def _no_picture(index):
    raise AssertionError(f"nothing should ask for the picture of frame {index}")
