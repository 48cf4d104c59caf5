"""All still points of the shot as one cloud.

Every frame's measured depth is put into space, and what no second frame sees, or others see through, is dropped (the
visibility tests of P. Merrell et al., "Real-time visibility-based fusion of depth maps", ICCV 2007).
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from model_server.geometry.cameras import inverse, pixel_centers, project, transform, unproject
from model_server.geometry.pixel_map import PixelMap
from model_server.geometry.shot import Array, Background, DepthMaps, FrameStatus, Motion, Solution, SolveMode
from model_server.pipeline.ahead import ahead
from model_server.pipeline.point_cells import PointCells

CONFIDENT = 0.5  # depth that was measured
_STILL = 127  # of `moving`, at most
_MARGIN = 7  # pixels kept away from what moves
_RIM = 1.06  # ratio of depths around a pixel: more is the rim of a surface, where points float
_AGREEMENT = 0.02  # of the depth: another frame sees the same point
_SEEN_THROUGH = 0.05  # of the depth: another frame sees something that far behind it
_WITNESSES = (-9, -5, -2, 2, 5, 9)  # frames from a point's own in which it is checked
_MOST_FRAMES = 100  # whose points are fused; more show the same again
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

    def seen_twice(frame: int) -> _Points:
        points = shot.still_points(frame)
        kept = shot.confirmed(points.positions, [frame + step for step in _WITNESSES if frame + step in known])
        return _Points(points.positions[kept], points.colors[kept], points.sizes[kept])

    for points in ahead(seen_twice, map(int, known[:: -(-len(known) // _MOST_FRAMES) or 1])):
        cells.add(points.positions, points.colors, points.sizes)
    return Background(*cells.means())


@dataclass(frozen=True)
class _Points:
    positions: NDArray[np.float64]  # (N, 3) world
    colors: NDArray[np.uint8]  # (N, 3)
    sizes: NDArray[np.float64]  # (N,) what a pixel of the model covers there, world units


@dataclass(frozen=True)
class _Shot:
    images: Array
    depth: DepthMaps
    motion: Motion
    solution: Solution
    pixels: PixelMap

    def still_points(self, frame: int) -> _Points:
        still = self._trusted(frame)
        height, width = still.shape
        focal = self.pixels.model_intrinsics(self.solution.intrinsics[frame])[0, 0]
        distance = self.depth.depth[frame][still].astype(np.float64)
        footage = self.pixels.footage_from_model(pixel_centers(width, height)[still])
        local = unproject(footage, distance, self.solution.intrinsics[frame])
        positions = transform(inverse(self.solution.camera_from_world[frame]), local)
        return _Points(positions, self.images[frame][still], distance / focal)

    def confirmed(self, positions: NDArray[np.float64], witnesses: list[int]) -> NDArray[np.bool_]:
        """(N,): some other frame sees the point, and no more frames see through it."""
        for_it, against = np.zeros(len(positions), int), np.zeros(len(positions), int)
        for frame in witnesses:
            footage, distance = project(
                transform(self.solution.camera_from_world[frame], positions), self.solution.intrinsics[frame]
            )
            map_ = np.where(self._trusted(frame), self.depth.depth[frame], 0).astype(np.float32)
            column, row = self.pixels.model_from_footage(footage).T.astype(np.float32) - 0.5
            seen = _sample(map_, column, row)
            ahead = (distance > 0) & (seen > 0)
            ratio = seen / np.maximum(distance, 1e-12)
            for_it += ahead & (np.abs(ratio - 1) < _AGREEMENT)
            against += ahead & (ratio > 1 + _SEEN_THROUGH)
        return np.asarray(for_it > against)

    def _trusted(self, frame: int) -> NDArray[np.bool_]:
        """(H, W): measured, still, and not on the rim of a surface."""
        depth = np.asarray(self.depth.depth[frame])
        square = np.ones((3, 3), np.uint8)
        inside = cv2.dilate(depth, square) < _RIM * cv2.erode(depth, square)
        moving = (np.asarray(self.motion.moving[frame]) > _STILL).astype(np.uint8)
        near = cv2.dilate(moving, np.ones((2 * _MARGIN + 1, 2 * _MARGIN + 1), np.uint8)) > 0
        # A tripod's sphere is nobody's measurement, but one cloud all the same: the panorama.
        least = 0.0 if self.solution.mode is SolveMode.TRIPOD else CONFIDENT
        return np.asarray((depth > 0) & (np.asarray(self.depth.confidence[frame]) >= least) & inside & ~near)


def _sample(image: NDArray[np.float32], x: NDArray[np.float32], y: NDArray[np.float32]) -> NDArray[np.float64]:
    """(N,) nearest values of a map at integer-centered pixels; 0 outside it."""
    column, row = (np.rint(np.clip(c, -2, 1e6)).astype(int) for c in (x, y))
    inside = (column >= 0) & (column < image.shape[1]) & (row >= 0) & (row < image.shape[0])
    values = np.zeros(len(x))
    values[inside] = image[row[inside], column[inside]]
    return values
