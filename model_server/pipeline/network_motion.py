"""What an engine's own map says of motion, as evidence beside what geometry says.

Nothing has taught a network what its levels mean in this shot. So what geometry proves to stand still sets the level
that a pixel must exceed to count as moving.
"""

import numpy as np

from model_server.geometry.shot import Array, Geometry, Solution
from model_server.geometry.straight_maps import straight_map
from model_server.pipeline.small_shot import SmallShot

_MIDDLE = 0.5  # of the map: neither still nor moving
_STILL_EVIDENCE = -0.3  # of geometry, below which a pixel stands still
_STILL_LEVEL = 90  # percentile of the map over still pixels
_FULL = 0.2  # above that level the map is as sure as it gets
_MOST, _LEAST = 1.0, -0.25  # evidence: a third of what geometry can say, and less against motion than for it
_ENOUGH = 0.02  # share of the picture that must be proven still to set the level


class NetworkMotion:
    """Evidence of every frame on the small pictures; none where the engine has no map."""

    def __init__(self, small: SmallShot, geometry: Geometry, solution: Solution) -> None:
        self._small, self._map, self._solution = small, geometry.motion, solution

    @property
    def is_known(self) -> bool:
        return self._map is not None

    def frame(self, index: int, evidence: Array) -> Array:
        """(h, w) float32, -0.25 still .. 1 moving.

        Args:
            evidence: (h, w) of geometry in this frame, about -1 still .. 3 moving.
        """
        if self._map is None:
            return np.zeros_like(evidence)
        solution, seen = self._solution, self._small.shrunk(self._map[index])
        values = straight_map(seen, self._small.pixels, solution.intrinsics[index], solution.distortion)
        still = evidence < _STILL_EVIDENCE
        level = _MIDDLE
        if still.mean() > _ENOUGH:
            level = max(level, float(np.percentile(values[still], _STILL_LEVEL)))
        return np.asarray(np.clip((values - level) / _FULL, _LEAST, _MOST), np.float32)
