"""All still points of the shot as one cloud.

Every frame's measured depth is put into space, and what no second frame sees, or others see through, is dropped (the
visibility tests of P. Merrell et al., "Real-time visibility-based fusion of depth maps", ICCV 2007).
"""

from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from model_server.geometry.cameras import inverse, transform, unproject
from model_server.geometry.pixel_map import PixelMap
from model_server.geometry.shot import Array, Background, DepthMaps, FrameStatus, Motion, Solution, SolveMode
from model_server.pipeline.ahead import ahead
from model_server.pipeline.optical_flow import grid
from model_server.pipeline.point_cells import PointCells

CONFIDENT = 0.5  # depth that was measured
_STILL = 127  # of `moving`, at most
_MARGIN = 7  # pixels kept away from what moves
_RIM = 1.06  # ratio of depths around a pixel: more is the rim of a surface, where points float
_AGREEMENT = 0.02  # of the depth: another frame sees the same point
_SEEN_THROUGH = 0.05  # of the depth: another frame sees something that far behind it
_WITNESSES = (-9, -5, -2, 2, 5, 9)  # frames from a point's own in which it is checked
_MOST_FRAMES = 100  # whose points are fused; more show the same again
_KEPT_MAPS = 24  # of trusted depth: the witnesses of two frames that are worked on at once
_MOST_POINTS = 2_000_000


def fuse_background(
    images: Array, depth: DepthMaps, motion: Motion, solution: Solution, pixels: PixelMap
) -> Background:
    """Fuse what stands still in all frames.

    Args:
        images: (F, H, W, 3) uint8 sRGB, undistorted.
        depth: measured where its confidence is 0.5 or more.
        motion: what to leave out, with a margin.
        solution: cameras.
        pixels: model <-> footage.

    Returns:
        At most two million points, none where nothing was measured. Of a tripod: its panorama on the sphere.
    """
    shot = _Shot(images, depth, motion, solution, pixels)
    known = np.flatnonzero(solution.status != FrameStatus.UNKNOWN)
    cells = PointCells(_MOST_POINTS)

    def seen_twice(frame: int) -> tuple[Array, Array, Array]:
        return shot.points_seen_twice(frame, [frame + step for step in _WITNESSES if frame + step in known])

    for positions, colors, sizes in ahead(seen_twice, map(int, known[:: -(-len(known) // _MOST_FRAMES) or 1])):
        cells.add(positions, colors, sizes)
    return Background(*cells.means())


class _Shot:
    """The shot's frames; maps of depth that can be trusted are kept while near frames ask for them."""

    def __init__(self, images: Array, depth: DepthMaps, motion: Motion, solution: Solution, pixels: PixelMap) -> None:
        self._images, self._depth, self._motion, self._solution = images, depth, motion, solution
        self._intrinsics = pixels.model_intrinsics(solution.intrinsics)
        self._trusted = lru_cache(maxsize=_KEPT_MAPS)(self._trusted_depth)

    def points_seen_twice(self, frame: int, witnesses: list[int]) -> tuple[Array, Array, Array]:
        """World positions (N, 3), colors (N, 3) and sizes (N,), what a pixel of the model covers there."""
        depth = self._trusted(frame)
        still = depth > 0
        height, width = depth.shape
        places, distances = grid(width, height)[still], np.asarray(depth[still])
        seen = self._confirmed(frame, places, distances, witnesses)
        places, distances = places[seen], distances[seen]
        lens = self._intrinsics[frame]
        local = unproject(np.asarray(places, np.float64), np.asarray(distances, np.float64), lens)
        positions = transform(inverse(self._solution.camera_from_world[frame]), local)
        return positions, np.asarray(self._images[frame])[still][seen], distances / lens[0, 0]

    def _confirmed(self, frame: int, places: Array, distances: Array, witnesses: list[int]) -> NDArray[np.bool_]:
        """(N,): some other frame sees the point, and no more frames see through it."""
        rays = np.column_stack([places, np.ones(len(places), np.float32)]).T
        votes = np.zeros(len(places), np.int8)
        for other in witnesses:
            map_ = self._trusted(other)
            away, shift = self._way(frame, other)
            column, row, distance = (away @ rays) * distances + shift[:, None]
            seen = _sample(map_, column / np.maximum(distance, 1e-6), row / np.maximum(distance, 1e-6))
            known = (distance > 0) & (seen > 0)
            votes += known & (np.abs(seen - distance) < _AGREEMENT * distance)
            votes -= known & (seen > (1 + _SEEN_THROUGH) * distance)
        return np.asarray(votes > 0)

    def _way(self, frame: int, other: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """(3, 3) and (3,): pixels of a frame times depth to those of another."""
        other_from_frame = self._solution.camera_from_world[other] @ inverse(self._solution.camera_from_world[frame])
        away = self._intrinsics[other] @ other_from_frame[:3, :3] @ np.linalg.inv(self._intrinsics[frame])
        return away.astype(np.float32), (self._intrinsics[other] @ other_from_frame[:3, 3]).astype(np.float32)

    def _trusted_depth(self, frame: int) -> NDArray[np.float32]:
        """(H, W) depth that was measured, still, and not on the rim of a surface; 0 elsewhere."""
        depth = np.asarray(self._depth.depth[frame])
        square = np.ones((3, 3), np.uint8)
        trusted = cv2.dilate(depth, square) < _RIM * cv2.erode(depth, square)
        moving = (np.asarray(self._motion.moving[frame]) > _STILL).astype(np.uint8)
        trusted &= cv2.dilate(moving, np.ones((2 * _MARGIN + 1, 2 * _MARGIN + 1), np.uint8)) == 0
        # A tripod's sphere is nobody's measurement, but one cloud all the same: the panorama.
        least = 0.0 if self._solution.mode is SolveMode.TRIPOD else CONFIDENT
        return np.where(trusted & (np.asarray(self._depth.confidence[frame]) >= least), depth, np.float32(0))


def _sample(image: NDArray[np.float32], x: Array, y: Array) -> NDArray[np.float32]:
    """(N,) nearest values of a map at pixels ((0.5, 0.5) is the first center); 0 outside it."""
    height, width = image.shape
    inside = (x > 0) & (x < width) & (y > 0) & (y < height)
    column, row = (np.where(inside, part, 0).astype(np.int32) for part in (x, y))
    return np.where(inside, image[row, column], np.float32(0))
