"""What is scored: whatever makes cameras, depth and motion of a few pictures."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from torch import Tensor

from model_server.geometry.cameras import inverse, pixel_centers, transform, unproject
from model_server.geometry.shot import Array


@dataclass(frozen=True)
class PredictedClip:
    """S frames of H x W pixels at the size of the pictures that were looked at; the world is anyone's."""

    camera_from_world: Array  # (S, 4, 4) float64, x right, y down, z forward
    intrinsics: Array  # (S, 3, 3) float64, pixels
    depth: Array  # (S, H, W) float32 along the optical axis
    points: Array | None = None  # (S, H, W, 3) float32 in the world; None: those that depth and cameras tell
    motion: Array | None = None  # (S, H, W) float32, 0 still .. 1 moving, over 0.5 moves; None where nobody knows

    @property
    def is_finite(self) -> bool:
        """Whether every number is one."""
        parts = (self.camera_from_world, self.intrinsics, self.depth, self.points, self.motion)
        return all(np.isfinite(part).all() for part in parts if part is not None)

    def world_points(self) -> Array:
        """(S, H, W, 3) what each pixel's center sees, in the world."""
        if self.points is not None:
            return self.points
        height, width = self.depth.shape[1:]
        return points_in_world(self.depth, self.camera_from_world, self.intrinsics, pixel_centers(width, height))


class Predictor(Protocol):
    """Anything that can be scored."""

    @property
    def name(self) -> str:
        """For tables."""

    @property
    def long_side(self) -> int:
        """Of the pictures it has learned on, pixels."""

    @property
    def multiple(self) -> int:
        """Both sides of a picture must be multiples of this."""

    @property
    def knows_motion(self) -> bool:
        """Whether its clips have `motion`."""

    def __call__(self, images: Tensor) -> PredictedClip:
        """Look at (S, 3, H, W) float32 sRGB 0..1 on the CPU, all at once.

        Raises:
            ServerError: it can't, for want of memory.
        """


def points_in_world(depth: Array, camera_from_world: Array, intrinsics: Array, pixels: Array) -> Array:
    """(S, H, W, 3) in the world.

    Args:
        depth: (S, H, W) along the optical axis.
        camera_from_world: (S, 4, 4).
        intrinsics: (S, 3, 3), pixels.
        pixels: (H, W, 2) x, y of what each depth is of.
    """
    seen = unproject(pixels, depth, intrinsics[:, None, None])
    return transform(inverse(camera_from_world)[:, None, None], seen)
