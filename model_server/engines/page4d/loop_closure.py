"""Drift is taken out of a chain of windows where the camera came back; the correction is spread over all frames.

The idea of a Sim(3) graph over windows is that of VGGT-Long (Deng et al. 2025), without its code.
"""

from itertools import pairwise

import numpy as np

from model_server.engines.page4d.pose_graph import Edges, optimize
from model_server.engines.page4d.revisits import Loop
from model_server.engines.page4d.shot_files import ShotFiles
from model_server.engines.page4d.similarity import Similarity, interpolate, logarithm
from model_server.geometry.cameras import inverse
from model_server.geometry.shot import Array

# What one window may be off by: place (as a share of the depth in view), turn (radians), log scale.
_DRIFT = np.array([0.05] * 3 + [0.02] * 3 + [0.05])
_LOOP_ERROR = _DRIFT / 3
_WEAK = 10.0  # times that, over a join that is a guess
_BELIEVED = 3.0  # deviations, of all windows in the same direction, up to which a loop is drift and not a mistake


def corrections(loops: tuple[Loop, ...], files: ShotFiles, frames_a_window: int, weak: tuple[int, ...]) -> Similarity:
    """Where each frame's world lies in the better one.

    Knots are the loops' frames and one frame a window; between knots the chain is as it is, but for drift. A loop that
    asks for more drift than windows have is left out, and so is one that the others contradict.

    Args:
        loops: of the chain; at least one.
        frames_a_window: how far the knots are apart.
        weak: frames that a join before them is a guess.

    Returns:
        A stack of F, `better_from_world`; the first frame keeps its place.
    """
    count = len(files.camera_from_world)
    ends = {frame for loop in loops for frame in (loop.first, loop.second)}
    frames = np.array(sorted({0, count - 1} | set(range(0, count, frames_a_window)) | ends))
    frames = frames[np.isfinite(files.camera_from_world[frames]).all((1, 2))]
    poses = _poses(frames, files)
    chain = poses[:-1].inverse @ poses[1:]
    share = np.diff(frames) / frames_a_window
    loose = np.array([any(a < frame <= b for frame in weak) for a, b in pairwise(frames)], bool)
    deviations = _DRIFT * (np.sqrt(share) * np.where(loose, _WEAK, 1))[:, None]
    allowed = _DRIFT * (share * np.where(loose, _WEAK, 1))[:, None]
    loops = tuple(loop for loop in loops if _believable(loop, frames, poses, allowed))
    if not loops:
        return Similarity.identity(count)
    starts = np.arange(len(frames) - 1)
    firsts, seconds = (np.searchsorted(frames, [getattr(loop, end) for loop in loops]) for end in ("first", "second"))
    measured = _stack([loop.first_from_second for loop in loops])
    better, _ = optimize(
        poses,
        Edges(
            first=np.concatenate([starts, firsts]),
            second=np.concatenate([starts + 1, seconds]),
            first_from_second=_joined(chain, poses[firsts].inverse @ measured @ poses[seconds]),
            deviations=np.concatenate([deviations, np.tile(_LOOP_ERROR, (len(loops), 1))]),
            doubtful=np.arange(len(starts) + len(loops)) >= len(starts),
        ),
    )
    return interpolate(better @ poses.inverse, frames.astype(float), np.arange(count, dtype=float))


def _poses(frames: Array, files: ShotFiles) -> Similarity:
    """`world_from_knot`: each knot at its camera, its unit the depth in view, so that no unit enters the graph."""
    world_from_camera = inverse(files.camera_from_world[frames])
    scale = np.ones(len(frames))
    for index, frame in enumerate(frames):
        depth = files.frame(int(frame)).depth
        scale[index] = np.median(depth[depth > 0]) if (depth > 0).any() else scale[index - 1]
    return Similarity(scale, world_from_camera[:, :3, :3], world_from_camera[:, :3, 3])


def _believable(loop: Loop, frames: Array, poses: Similarity, allowed: Array) -> bool:
    """The loop asks for no more than all windows between its ends drifting the same way."""
    first, second = np.searchsorted(frames, [loop.first, loop.second])
    told = poses[first].inverse @ loop.first_from_second @ poses[second]
    apart = logarithm(told.inverse @ poses[first].inverse @ poses[second])
    drift = allowed[first:second].sum(0)
    drift[:3] += drift[3:6].max() * _length(poses, first, second)  # what is turned by mistake goes astray with distance
    return bool((np.abs(apart) <= _BELIEVED * drift).all())


def _length(poses: Similarity, first: int, second: int) -> float:
    """Of the path between two knots, in depths in view."""
    places = poses.translation[first : second + 1]
    return float(np.linalg.norm(np.diff(places, axis=0), axis=1).sum() / poses.scale[second])


def _stack(ones: list[Similarity]) -> Similarity:
    return Similarity(
        np.array([one.scale for one in ones]),
        np.array([one.rotation for one in ones]),
        np.array([one.translation for one in ones]),
    )


def _joined(a: Similarity, b: Similarity) -> Similarity:
    return Similarity(
        np.concatenate([a.scale, b.scale]),
        np.concatenate([a.rotation, b.rotation]),
        np.concatenate([a.translation, b.translation]),
    )
