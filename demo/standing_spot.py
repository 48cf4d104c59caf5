"""Where on the solved floor a test object can stand so that the shot shows it well."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

CANDIDATES = 1500
HEIGHT_OF_A_CAMERA = 1.6  # handheld, meters: gives the size of things where the scene's scale is not known
RADIUS_M, HEIGHT_M = 0.3, 0.45  # what the objects fill
CLEAR_M = 0.36  # and how far from their middle other things stand
FEWEST_FRAMES = 6
WALKING_ROOM_M = 0.5
NEAR_M = 2.0  # from here on, nearer is no better
MARGIN = 0.06  # of the picture


class NoSpot(Exception):
    """The shot shows no free floor."""


@dataclass(frozen=True)
class Spot:
    """A free place on the floor."""

    place: np.ndarray  # (3,) Blender's world
    meter: float  # scene units
    indices: np.ndarray  # frames that show it whole, where there are enough with nothing moving in front
    depths: np.ndarray  # (frames,) along the optical axis, scene units


def find_spot(points: np.ndarray, cameras: np.ndarray, depth: np.ndarray, layers: np.ndarray, ways: np.ndarray) -> Spot:
    """Choose the floor point that is seen whole, near and unhidden over the longest stretch of the camera's path.

    Args:
        points: (N, 3) still points in Blender's world, the floor at z = 0.
        cameras: (frames, 3, 4) from there to the picture (x and y from 0 to 1, times depth; depth).
        depth: (frames, H, W) scene units, 0 = unknown.
        layers: (frames, H, W), 0 = still.
        ways: (N, 3) where moving things come by, Blender's world; nothing is put there.

    Raises:
        NoSpot: there is none.
    """
    meter = float(np.median(_centers(cameras)[:, 2])) / HEIGHT_OF_A_CAMERA
    floor = points[np.abs(points[:, 2]) < 0.04 * meter]
    if not len(floor):
        raise NoSpot("no solved point lies on the floor")
    random = np.random.default_rng(1)
    candidates = floor[random.permutation(len(floor))[:CANDIDATES]] * [1, 1, 0]
    candidates = candidates[_free(candidates, points, ways, meter)]
    found = [_inside(cameras, candidates + corner) for corner in _corners(meter)]
    shown = np.all([inside for inside, _ in found], axis=0)
    places = np.stack([place[..., :2] for _, place in found])
    _, base = _inside(cameras, candidates)
    shown &= _unhidden(base, depth)
    alone = shown & _alone(places.min(axis=0), places.max(axis=0), layers)
    nearness = np.clip(NEAR_M * meter / np.maximum(base[..., 2], 1e-6), 0, 1)
    steps = np.linalg.norm(np.diff(_centers(cameras), axis=0, prepend=0), axis=1)
    steps[0] = 0.0
    score = ((shown + 3.0 * alone) * nearness * steps[:, None]).sum(axis=0)
    score[shown.sum(axis=0) < FEWEST_FRAMES] = 0.0
    if not len(score) or not score.max():
        raise NoSpot(f"no free place on the floor is shown whole by {FEWEST_FRAMES} frames")
    best = int(score.argmax())
    frames = alone if alone[:, best].sum() >= FEWEST_FRAMES else shown
    return Spot(candidates[best], meter, np.nonzero(frames[:, best])[0], base[:, best, 2])


def _centers(cameras: np.ndarray) -> np.ndarray:
    return np.stack([-np.linalg.solve(camera[:, :3], camera[:, 3]) for camera in cameras])


def _corners(meter: float) -> np.ndarray:
    side, up = RADIUS_M * meter, HEIGHT_M * meter
    return np.array([(x, y, z) for x in (-side, side) for y in (-side, side) for z in (0.0, up)])


def _free(candidates: np.ndarray, points: np.ndarray, ways: np.ndarray, meter: float) -> np.ndarray:
    """Whether (nearly) nothing stands within the objects' room, and nothing walks through it."""
    standing = points[(points[:, 2] > 0.08 * meter) & (points[:, 2] < HEIGHT_M * meter)]
    near = [(np.abs(standing[:, :2] - spot[:2]) < CLEAR_M * meter).all(axis=1).sum() for spot in candidates]
    apart = np.linalg.norm(candidates[:, None, :2] - ways[None, :, :2], axis=-1).min(axis=1, initial=np.inf)
    return (np.array(near) <= 5) & (apart > WALKING_ROOM_M * meter)


def _inside(cameras: np.ndarray, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Whether each frame shows each point, (frames, N), and where, (frames, N, 3): x, y, depth."""
    homogeneous = np.concatenate([points, np.ones((len(points), 1))], axis=1)
    projected = np.einsum("fij,nj->fni", cameras, homogeneous)
    ahead = projected[..., 2] > 1e-6
    projected[..., :2] /= np.where(ahead, projected[..., 2], 1.0)[..., None]
    within = (projected[..., :2] > MARGIN) & (projected[..., :2] < 1 - MARGIN)
    return ahead & within.all(axis=-1), projected


def _unhidden(base: np.ndarray, depth: np.ndarray) -> np.ndarray:
    """Whether the picture at the point is as far away as the point is, (frames, N)."""
    height, width = depth.shape[1:]
    seen = np.zeros(base.shape[:2], bool)
    for index, places in enumerate(base):
        x = np.clip((places[:, 0] * width).astype(int), 0, width - 1)
        y = np.clip((places[:, 1] * height).astype(int), 0, height - 1)
        found = depth[index][y, x]
        seen[index] = (np.abs(found - places[:, 2]) < 0.2 * places[:, 2]) | (found == 0)
    return seen


def _alone(low: np.ndarray, high: np.ndarray, layers: np.ndarray) -> np.ndarray:
    """Whether nothing moves in the picture around a box [low, high] (frames, N, 2), and above it; (frames, N)."""
    height, width = layers.shape[1:]
    size = high - low
    left, top = np.moveaxis(low - size * [0.15, 0.6], -1, 0)
    right, bottom = np.moveaxis(high + size * [0.15, 0.1], -1, 0)
    alone = np.zeros(left.shape, bool)
    for index, moving in enumerate(layers):
        counts = np.zeros((height + 1, width + 1), int)  # moving pixels above and to the left
        counts[1:, 1:] = (moving > 0).cumsum(axis=0).cumsum(axis=1)
        x0, x1 = (np.clip(edge[index] * width, 0, width).astype(int) for edge in (left, right))
        y0, y1 = (np.clip(edge[index] * height, 0, height).astype(int) for edge in (top, bottom))
        alone[index] = counts[y1, x1] - counts[y0, x1] - counts[y1, x0] + counts[y0, x0] == 0
    return alone
