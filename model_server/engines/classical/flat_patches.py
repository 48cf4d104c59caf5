"""Patches without texture are mostly flat: walls, floors, doors. Each is offered the plane of what was measured on it.

After A. Klaus, M. Sormann, K. Karner, "Segment-based stereo matching using belief propagation and a self-adapting
dissimilarity measure" (ICPR 2006). A plane in space is a linear function of the pixel in inverse depth. A bare floor
and a bare wall may be one patch: then two planes meet in it, and the nearer one is seen (at the edge of a box, the
farther one).
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from model_server.geometry.bare import bare

Image = NDArray[np.float32]
Index = NDArray[np.intp]
Vector = NDArray[np.float64]  # (n,), (3,) of a plane

LEAST_PATCH = 150  # pixels
RIM = 3  # pixels around a patch that tell its depth: its edges are what is measured best
REACH = 2  # pixels from a patch to the middle of its edges: so far it goes on; beyond them is something else
LEAST_ANCHORS, MOST_ANCHORS = 40, 800  # measured pixels a plane is fitted to
PLANE_FIT = 0.02  # relative misfit of a measured pixel that still lies on the plane
PLANE_SHARE = 0.3  # of the votes that must be for them: others stand before it, or are seen past its rim
MOST_PLANES = 3  # that meet in a patch: a corner of a room
SIDE_SHARE, GAIN = 0.1, 0.1  # of the votes that each must have, and that another must add
OFF = 2.0  # misfits from which a measured pixel may be of another plane
DRAWS = 200  # of three anchors, for RANSAC
LEAST_TRIANGLE = 25.0  # square pixels that three anchors must span


def plane_depths(image: NDArray[np.uint8], measured: Image) -> Image:
    """Depth from planes, where there are any.

    Args:
        image: (h, w, 3).
        measured: (h, w) inverse depth, 0 = unknown.

    Returns:
        (h, w) inverse depth on patches that a plane fits, 0 elsewhere.
    """
    labels, _ = ndimage.label(bare(image))
    y, x = np.mgrid[: image.shape[0], : image.shape[1]].astype(np.float64)
    result = np.zeros(measured.shape, np.float32)
    for label, (rows, columns) in enumerate(ndimage.find_objects(labels), start=1):
        box = tuple(slice(max(0, part.start - RIM), part.stop + RIM) for part in (rows, columns))
        inside = labels[box] == label
        if np.count_nonzero(inside) < LEAST_PATCH:
            continue
        anchors = _grown(inside, RIM) & (measured[box] > 0)
        faces = _fit_faces(x[box], y[box], np.where(anchors, measured[box], 0), inside)
        if faces is not None:
            patch = _grown(inside, REACH)
            result[box][patch] = np.maximum(faces.at(x[box][patch], y[box][patch]), 0)
    return result


def _grown(inside: NDArray[np.bool_], by: int) -> NDArray[np.bool_]:
    return np.asarray(cv2.dilate(inside.astype(np.uint8), np.ones((2 * by + 1, 2 * by + 1), np.uint8)) > 0)


@dataclass(frozen=True)
class _Faces:
    """Planes that meet, each a, b, c with value = a x + b y + c."""

    planes: tuple[Vector, ...]
    nearest: tuple[bool, ...]  # of each after the first: whether it hides what is behind it, or is hidden before it

    def at(self, x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.float64]:
        """(n,) inverse depth."""
        first, *others = (plane[0] * x + plane[1] * y + plane[2] for plane in self.planes)
        for value, nearest in zip(others, self.nearest):
            first = np.maximum(first, value) if nearest else np.minimum(first, value)
        return np.asarray(first)

    def joined_by(self, plane: Vector, nearest: bool) -> "_Faces":
        return _Faces((*self.planes, plane), (*self.nearest, nearest))


def _fit_faces(
    x: NDArray[np.float64], y: NDArray[np.float64], anchors: Image, inside: NDArray[np.bool_]
) -> _Faces | None:
    """The plane that most of the patch votes for, and those that meet it there; None where none fits.

    Args:
        x, y: (h, w), of each pixel.
        anchors: (h, w), 0 = none here.
        inside: (h, w), the patch itself: its pixels vote, each through the anchor next to it.
    """
    rows, columns = np.nonzero(anchors)
    if len(rows) < LEAST_ANCHORS:
        return None
    random = np.random.default_rng(0)
    kept = random.permutation(len(rows))[:MOST_ANCHORS]
    rows, columns = rows[kept], columns[kept]
    votes, values = _votes(rows, columns, inside), anchors[rows, columns].astype(np.float64)
    x, y = x[rows, columns], y[rows, columns]

    def misfit(faces: _Faces) -> NDArray[np.float64]:
        return np.asarray(np.abs(faces.at(x, y) - values) / (PLANE_FIT * values))

    def share(faces: _Faces) -> float:
        return float(votes[misfit(faces) < 1].sum())

    first = _fit_plane(x, y, values, votes, random)
    if first is None:
        return None
    faces, left = _Faces((first,), ()), np.ones(len(values), bool)
    while len(faces.planes) < MOST_PLANES:
        left &= misfit(_Faces(faces.planes[-1:], ())) > OFF
        plane = _fit_plane(x[left], y[left], values[left], votes[left], random)
        if plane is None:
            break
        joined = max((faces.joined_by(plane, nearest) for nearest in (True, False)), key=share)
        if share(joined) < share(faces) + GAIN:
            break
        faces = joined
    return faces if share(faces) >= PLANE_SHARE else None


def _fit_plane(
    x: NDArray[np.float64],
    y: NDArray[np.float64],
    values: NDArray[np.float64],
    votes: NDArray[np.float64],
    random: np.random.Generator,
) -> Vector | None:
    """a, b, c of the plane that most of (n,) places vote for, by RANSAC then least squares; None where too few do."""
    if len(values) < LEAST_ANCHORS:
        return None
    places = np.column_stack([x, y, np.ones(len(x))])
    draws = random.integers(len(values), size=(DRAWS, 3))
    draws = draws[np.abs(np.linalg.det(places[draws])) > 2 * LEAST_TRIANGLE]
    if not len(draws):
        return None
    planes = np.linalg.solve(places[draws], values[draws][..., None])[..., 0]
    judged = (np.abs(planes @ places.T - values) < PLANE_FIT * values) @ votes
    best = np.abs(places @ planes[judged.argmax()] - values) < PLANE_FIT * values
    if votes[best].sum() < SIDE_SHARE:
        return None
    return np.asarray(np.linalg.lstsq(places[best], values[best], rcond=None)[0])


def _votes(rows: Index, columns: Index, inside: NDArray[np.bool_]) -> NDArray[np.float64]:
    """(n,) shares of the pixels `inside` whose nearest of n places each is; the farther away, the less they count.

    Were anchors counted instead, the many of a textured wall along one side would settle the plane of a bare floor.
    """
    empty = np.ones(inside.shape, np.uint8)
    empty[rows, columns] = 0
    distance, nearest = cv2.distanceTransformWithLabels(
        empty, cv2.DIST_L2, cv2.DIST_MASK_5, labelType=cv2.DIST_LABEL_PIXEL
    )
    weights = 1 / np.sqrt(distance[inside] + RIM)
    count = np.bincount(nearest[inside], weights, nearest.max() + 1)[nearest[rows, columns]]
    return np.asarray(count / count.sum(), np.float64)
