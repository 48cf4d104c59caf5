"""What an engine's own map says of motion, as evidence beside what geometry says.

Nothing has taught a network what its levels mean in this shot. So what geometry proves to stand still sets the level
that a pixel must exceed to count as moving.
"""

import numpy as np

from model_server.geometry.pixel_map import PixelMap
from model_server.geometry.shot import Array, Geometry, Solution
from model_server.geometry.straight_maps import straight_map

_MIDDLE = 0.5  # of the map: neither still nor moving
_STILL_EVIDENCE = -0.3  # of geometry, below which a pixel stands still
_STILL_LEVEL = 90  # percentile of the map over still pixels
_FULL = 0.2  # above that level the map is as sure as it gets
_MOST, _LEAST = 1.0, -0.25  # evidence: a third of what geometry can say, and less against motion than for it
_ENOUGH = 0.02  # share of the picture that must be proven still to set the level


class NetworkMotion:
    """Evidence of every frame; none where the engine has no map."""

    def __init__(self, pixels: PixelMap, geometry: Geometry, solution: Solution) -> None:
        self._pixels, self._map, self._solution = pixels, geometry.motion, solution

    @property
    def is_known(self) -> bool:
        return self._map is not None

    def frame(self, index: int, evidence: Array) -> Array:
        """(H, W) float32, -0.25 still .. 1 moving.

        Args:
            evidence: (H, W) of geometry in this frame, about -1 still .. 3 moving.
        """
        if self._map is None:
            return np.zeros_like(evidence)
        intrinsics = self._solution.intrinsics[index]
        values = straight_map(self._map[index], self._pixels, intrinsics, self._solution.distortion)
        still = evidence < _STILL_EVIDENCE
        level = _MIDDLE
        if still.mean() > _ENOUGH:
            level = max(level, float(np.percentile(values[still], _STILL_LEVEL)))
        return np.asarray(np.clip((values - level) / _FULL, _LEAST, _MOST), np.float32)
