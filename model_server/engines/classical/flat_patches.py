"""Patches without texture are mostly flat: walls, floors, doors. Each is offered the plane of what was measured on it.

After A. Klaus, M. Sormann, K. Karner, "Segment-based stereo matching using belief propagation and a self-adapting
dissimilarity measure" (ICPR 2006). A plane in space is a linear function of the pixel in inverse depth.
"""

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

Image = NDArray[np.float32]
Index = NDArray[np.intp]

FLAT_LEVELS = 8.0  # neighbors in one patch differ by less
LEAST_PATCH = 150  # pixels
RIM = 3  # pixels around a patch that tell its depth: its edges are what is measured best
REACH = 2  # pixels from a patch to the middle of its edges: so far it goes on; beyond them is something else
LEAST_ANCHORS, MOST_ANCHORS = 40, 800  # measured pixels a plane is fitted to
PLANE_FIT = 0.02  # relative misfit of a measured pixel that still lies on the plane
PLANE_SHARE = 0.3  # of the votes that must be for it: others stand before it, or are seen past its rim
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
    smooth = cv2.GaussianBlur(image, (3, 3), 0)
    flat = cv2.morphologyEx(smooth, cv2.MORPH_GRADIENT, np.ones((3, 3), np.uint8)).max(axis=-1) < FLAT_LEVELS
    labels, _ = ndimage.label(flat)
    y, x = np.mgrid[: image.shape[0], : image.shape[1]].astype(np.float64)
    result = np.zeros(measured.shape, np.float32)
    for label, (rows, columns) in enumerate(ndimage.find_objects(labels), start=1):
        box = tuple(slice(max(0, part.start - RIM), part.stop + RIM) for part in (rows, columns))
        inside = labels[box] == label
        if np.count_nonzero(inside) < LEAST_PATCH:
            continue
        anchors = _grown(inside, RIM) & (measured[box] > 0)
        plane = _fit_plane(x[box], y[box], np.where(anchors, measured[box], 0), inside)
        if plane is not None:
            patch = _grown(inside, REACH)
            result[box][patch] = np.maximum(plane[0] * x[box] + plane[1] * y[box] + plane[2], 0)[patch]
    return result


def _grown(inside: NDArray[np.bool_], by: int) -> NDArray[np.bool_]:
    return np.asarray(cv2.dilate(inside.astype(np.uint8), np.ones((2 * by + 1, 2 * by + 1), np.uint8)) > 0)


def _fit_plane(
    x: NDArray[np.float64], y: NDArray[np.float64], anchors: Image, inside: NDArray[np.bool_]
) -> NDArray[np.float64] | None:
    """a, b, c with value = a x + b y + c, by RANSAC then least squares; None where no plane fits.

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
    votes = _votes(rows, columns, inside)
    values = anchors[rows, columns]
    places = np.column_stack([x[rows, columns], y[rows, columns], np.ones(len(rows))])
    draws = random.integers(len(rows), size=(DRAWS, 3))
    draws = draws[np.abs(np.linalg.det(places[draws])) > 2 * LEAST_TRIANGLE]
    if not len(draws):
        return None
    planes = np.linalg.solve(places[draws], values[draws][..., None])[..., 0]
    judged = (np.abs(planes @ places.T - values) < PLANE_FIT * values) @ votes
    best = np.abs(places @ planes[judged.argmax()] - values) < PLANE_FIT * values
    if votes[best].sum() < PLANE_SHARE:
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
