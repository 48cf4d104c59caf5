"""Frames that two windows have seen go over from one to the other."""

import numpy as np

from model_server.engines.page4d.similarity import Similarity, exponential, logarithm
from model_server.engines.page4d.window import WindowGeometry
from model_server.geometry.cameras import inverse
from model_server.geometry.shot import Array

_SAME_SURFACE = 0.1  # log depth


def cross_fade(before: WindowGeometry, after: WindowGeometry) -> WindowGeometry:
    """The shared frames, all of `before` near the start and all of `after` near the end.

    Neither window is better everywhere, and taking either jumps at a frame; a fade has no step in camera, focal length
    or depth. Depths that differ by more than a tenth are two surfaces: the one with more weight stays, for a mean would
    hang in the air between them.

    Args:
        before: S frames in the world.
        after: the same frames in the same world.
    """
    share = (np.arange(len(before.depth)) + 1) / (len(before.depth) + 1)
    map_share = share[:, None, None].astype(np.float32)
    motion = None
    if before.motion is not None and after.motion is not None:
        motion = before.motion + map_share * (after.motion - before.motion)
    depth, confidence = _fade_depth(before, after, map_share)
    return WindowGeometry(
        camera_from_world=_fade_cameras(before.camera_from_world, after.camera_from_world, share),
        intrinsics=_fade_intrinsics(before.intrinsics, after.intrinsics, share[:, None, None]),
        depth=depth,
        confidence=confidence,
        motion=motion,
    )


def _fade_depth(before: WindowGeometry, after: WindowGeometry, share: Array) -> tuple[Array, Array]:
    """Depth, the mean in logarithms, and confidence."""
    a, b = before.depth, after.depth
    weight_a, weight_b = (1 - share) * before.confidence * (a > 0), share * after.confidence * (b > 0)
    both = (a > 0) & (b > 0)
    log_a, log_b = np.log(np.where(a > 0, a, 1)), np.log(np.where(b > 0, b, 1))
    one_surface = both & (np.abs(log_a - log_b) < _SAME_SURFACE)
    mean = np.exp(log_a + share * (log_b - log_a))
    first = np.where(both, weight_a >= weight_b, a > 0)
    depth = np.where(one_surface, mean, np.where(first, a, b))
    sure = before.confidence + share * (after.confidence - before.confidence)
    confidence = np.where(one_surface, sure, np.where(first, before.confidence, after.confidence))
    return depth.astype(np.float32), confidence.astype(np.float32)


def _fade_cameras(a: Array, b: Array, share: Array) -> Array:
    known_a, known_b = _known(a), _known(b)
    neither = ~(known_a | known_b)
    start, end = (
        inverse(np.where(neither[:, None, None], np.eye(4), np.where(known[:, None, None], own, other)))
        for known, own, other in ((known_a, a, b), (known_b, b, a))
    )
    first, last = (Similarity(np.ones(len(pose)), pose[:, :3, :3], pose[:, :3, 3]) for pose in (start, end))
    step = logarithm(first.inverse @ last)
    between = first @ exponential(share[:, None] * step)
    result = np.tile(np.eye(4), (len(a), 1, 1))
    result[:, :3, :3], result[:, :3, 3] = between.rotation, between.translation
    result = inverse(result)
    result[neither] = np.nan
    return result


def _known(matrices: Array) -> Array:
    return np.asarray(np.isfinite(matrices).all((1, 2)))


def _fade_intrinsics(a: Array, b: Array, share: Array) -> Array:
    known_a, known_b = _known(a)[:, None, None], _known(b)[:, None, None]
    start, end = np.where(known_a, a, b), np.where(known_b, b, a)
    return np.asarray(start + share * (end - start))
