"""The unit of the scene: what stands still in the first solved frame is, in the median, 5 away.

Pictures alone can't tell a street from a model of one; with this unit a scene is neither microscopic nor endless in
Blender's view.
"""

from dataclasses import replace
from typing import overload

import numpy as np

from model_server.geometry.shot import Array, Background, Ground, Motion, Solution, SolveMode

Part = Solution | Background | Ground

MEDIAN_DEPTH = 5.0
_STILL = 127  # of `moving`, at most


def scene_scale(depth: Array, motion: Motion, mode: SolveMode = SolveMode.FREE) -> float:
    """What the solution's units are multiplied with to become the scene's.

    Args:
        depth: (F, H, W), 0 = unknown.
        motion: what to leave out of the median.
        mode: a tripod's sphere has its radius already; its scale is 1.

    Returns:
        The factor; 1 where no frame has a still depth.
    """
    if mode is SolveMode.TRIPOD:
        return 1.0
    for frame in range(len(depth)):
        distances = np.asarray(depth[frame])
        still = distances[(distances > 0) & (np.asarray(motion.moving[frame]) <= _STILL)]
        if len(still):
            return float(MEDIAN_DEPTH / np.median(still))
    return 1.0


@overload
def scaled(part: Solution, factor: float) -> Solution: ...
@overload
def scaled(part: Background, factor: float) -> Background: ...
@overload
def scaled(part: Ground, factor: float) -> Ground: ...
def scaled(part: Part, factor: float) -> Part:
    """A part of the shot in units of the scene.

    Args:
        part: in the solution's units; it stays as it is.
        factor: of `scene_scale`.

    Returns:
        The same with every length multiplied. Depth maps are scaled as they are written.
    """
    if isinstance(part, Solution):
        cameras = part.camera_from_world.copy()
        cameras[:, :3, 3] *= factor
        return replace(part, camera_from_world=cameras, points=part.points * np.float32(factor))
    if isinstance(part, Background):
        return replace(part, positions=part.positions * np.float32(factor))
    if part.floor is None:
        return part
    return replace(part, floor=part.floor * [1, 1, 1, factor])
