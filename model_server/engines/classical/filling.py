"""Depth where nothing could be measured: carried in from what was, held back by edges of the picture.

Weighted least squares on inverse depth, in which planes are linear. Neighbors that look alike are asked to be alike
(A. Levin, D. Lischinski, Y. Weiss, "Colorization using optimization", SIGGRAPH 2004; Z. Farbman et al., SIGGRAPH 2008).
Unmeasured pixels are also drawn, weakly, to what other frames measured there or else to the plane of their patch.
"""

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse.linalg import cg

from model_server.engines.classical.flat_patches import plane_depths

Image = NDArray[np.float32]

EDGE_LEVELS = 4.0  # a color difference of this many levels weakens the bond of two neighbors by e
LEAST_BOND = 1e-3
GUESS_WEIGHT = 0.2  # of depth from another frame or from a plane, against 1 of what was measured here
ITERATIONS = 150


def fill(image: NDArray[np.uint8], measured: Image, elsewhere: Image, limits: tuple[float, float]) -> Image:
    """A value at every pixel.

    Args:
        image: (h, w, 3), what the depth belongs to.
        measured: (h, w) inverse depth, 0 = unknown.
        elsewhere: (h, w) inverse depth that other frames measured, 0 = unknown; it may lie behind what is seen here.
        limits: of the result, inverse depth.

    Returns:
        (h, w) inverse depth.
    """
    here = measured > 0
    guessed = ~here & (elsewhere > 0)
    known = here | guessed
    if not known.any():
        return np.full(measured.shape, limits[0], np.float32)
    values = np.where(here, measured, elsewhere)
    scale = np.median(values[known])
    target, weight = values / scale, here + GUESS_WEIGHT * guessed.astype(np.float32)
    planes = plane_depths(image, np.where(known, target, 0))
    offered = ~known & (planes > 0)
    target[offered], weight[offered] = planes[offered], GUESS_WEIGHT
    return np.asarray(np.clip(_solve(image, target, weight) * scale, *limits), np.float32)


def _solve(image: NDArray[np.uint8], target: Image, weight: Image) -> Image:
    """Minimize sum w (x - target)^2 + sum bonds (x_i - x_j)^2 over the grid of pixels."""
    count = weight.size
    index = np.arange(count).reshape(weight.shape)
    smooth = cv2.GaussianBlur(image, (3, 3), 0).astype(np.float32)
    bonds = np.concatenate([_bonds(smooth[:, 1:], smooth[:, :-1]), _bonds(smooth[1:], smooth[:-1])])
    one = np.concatenate([index[:, 1:].ravel(), index[1:].ravel()])
    other = np.concatenate([index[:, :-1].ravel(), index[:-1].ravel()])
    off_diagonal = sparse.coo_array((-bonds, (one, other)), shape=(count, count)).tocsr()
    off_diagonal = off_diagonal + off_diagonal.T
    diagonal = weight.ravel() - off_diagonal.sum(axis=1)
    matrix = (off_diagonal + sparse.diags_array(diagonal)).tocsr()
    start = _spread(target, weight)
    solution, _ = cg(
        matrix,
        (weight * target).ravel(),
        x0=start.ravel(),
        rtol=1e-5,
        maxiter=ITERATIONS,
        M=sparse.diags_array(1 / diagonal),
    )
    return np.asarray(solution.reshape(weight.shape), np.float32)


def _bonds(one: Image, other: Image) -> Image:
    difference = np.abs(one - other).max(axis=-1).ravel()
    return np.asarray(np.maximum(np.exp(-difference / EDGE_LEVELS), LEAST_BOND))


def _spread(target: Image, weight: Image) -> Image:
    """A first guess everywhere: weighted means over ever larger squares, the smallest that holds anything."""
    guess, known = target.copy(), weight > 0
    size = 3
    while not known.all():
        total = cv2.blur(weight, (size, size), borderType=cv2.BORDER_CONSTANT)
        mean = cv2.blur(weight * target, (size, size), borderType=cv2.BORDER_CONSTANT) / np.maximum(total, 1e-12)
        new = ~known & (total > 1e-7)
        guess[new], known = mean[new], known | new
        size = size * 2 + 1
    return guess
