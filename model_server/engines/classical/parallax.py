"""Whether the camera changed its place: turned or at rest, every distance explains the picture as well as any other."""

from enum import StrEnum

import cv2
import numpy as np

from model_server.engines.classical.epipolar import fundamental_matrix, sampson_distance
from model_server.engines.classical.match_database import Sightings
from model_server.geometry.shot import Array

_SIGMA_PX = 0.8  # of a track's position, in square pixels
_FIT_PX = 2.0
_AT_REST_PX = 3.0  # the widest median way of the tracks of any two keyframes
_MIN_SHARED = 40
_STEPS = (1, 2, 4, 8)  # keyframes apart
_MOVING_SHARE = 0.5  # of the pairs equally far apart, that only depth explains


class CameraMotion(StrEnum):
    RESTS = "rests"
    TURNS = "turns"
    MOVES = "moves"


def camera_motion(sightings: Sightings, keys: Array) -> CameraMotion:
    """Judge pairs of keyframes by Torr's GRIC (1998): a homography, or the epipolar geometry that depth needs.

    A slow camera shows parallax only over long baselines, so the pairs of each distance in time are judged by
    themselves. A plane seen by a moving camera fits a homography as well; no scene can be found from it alone either.
    """
    widest, moves = 0.0, False
    for step in _STEPS:
        needs_depth = []
        for a, b in zip(keys[:-step], keys[step:]):
            start, end = _shared(sightings, int(a), int(b))
            if len(start) < _MIN_SHARED:
                continue
            way = float(np.median(np.linalg.norm(end - start, axis=1)))
            widest = max(widest, way)
            if way > _AT_REST_PX:
                needs_depth.append(not _homography_is_better(start, end))
        moves |= bool(needs_depth) and float(np.mean(needs_depth)) >= _MOVING_SHARE
    if widest <= _AT_REST_PX:
        return CameraMotion.RESTS
    return CameraMotion.MOVES if moves else CameraMotion.TURNS


def _shared(sightings: Sightings, a: int, b: int) -> tuple[Array, Array]:
    first, second = (np.nonzero(sightings.frames == frame)[0] for frame in (a, b))
    _, i, j = np.intersect1d(sightings.tracks[first], sightings.tracks[second], True, return_indices=True)
    return sightings.positions[first[i]], sightings.positions[second[j]]


def _homography_is_better(start: Array, end: Array) -> bool:
    fundamental = fundamental_matrix(start, end, _FIT_PX)
    homography, _ = cv2.findHomography(start, end, cv2.USAC_MAGSAC, _FIT_PX, maxIters=2000, confidence=0.999)
    if homography is None:
        return False
    if fundamental is None:
        return True
    return _gric(_transfer(homography, start, end), 2, 8) < _gric(sampson_distance(fundamental, start, end), 3, 7)


def _transfer(homography: Array, start: Array, end: Array) -> Array:
    """(n,) root mean of both ways' squared distances."""
    ways = (homography, start, end), (np.linalg.inv(homography), end, start)
    squares = [
        ((cv2.perspectiveTransform(a[:, None].astype(np.float64), matrix)[:, 0] - b) ** 2).sum(1)
        for matrix, a, b in ways
    ]
    return np.asarray(np.sqrt((squares[0] + squares[1]) / 2))


def _gric(distances: Array, dimension: int, parameters: int) -> float:
    """Torr's criterion: errors, the dimension of what the model leaves free for each match, and its parameters."""
    count, data_dimension = len(distances), 4
    robust = np.minimum((distances / _SIGMA_PX) ** 2, 2.0 * (data_dimension - dimension))
    return float(
        robust.sum() + np.log(data_dimension) * dimension * count + np.log(data_dimension * count) * parameters
    )
