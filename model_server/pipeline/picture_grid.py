"""Labels that agree between pixels near in place, time and color, without a graph of pixels.

Mean-field inference in a dense conditional random field (P. Kraehenbuehl, V. Koltun, "Efficient inference in fully
connected CRFs with Gaussian edge potentials", NIPS 2011), its filtering done on the sparse vertices of a bilateral
grid over space, time and color (N. Maerki et al., "Bilateral space video segmentation", CVPR 2016).
"""

import cv2
import numpy as np

from model_server.geometry.shot import Array

_CELLS_ACROSS, _CELL_LIGHT, _CELL_COLOR = 32, 12.0, 8.0  # of the picture's width; levels of Lab in 8 bits
_STRIDES = tuple(64**3 * 1024**k if k >= 0 else 64 ** (k + 3) for k in range(-3, 3))  # b, a, light, x, y, frame
_AGREEMENT = 6.0  # how much the neighborhood's mean label counts, in log odds
_ROUNDS = 5


def agree_with_neighbors(log_odds: Array, images: Array) -> Array:
    """Log odds after every pixel has heard those like it.

    Args:
        log_odds: (F, H, W) float32 of each pixel alone.
        images: (F, H, W, 3) uint8 sRGB; a few dozen frames at most are meant to be given at a time.
    """
    frames, height, width = log_odds.shape
    cells, places = zip(*(np.unique(_cells(image), return_inverse=True) for image in images))
    vertices = np.concatenate([cell + frame * _STRIDES[5] for frame, cell in enumerate(cells)])  # sorted
    bounds = np.cumsum([0, *(len(cell) for cell in cells)])
    neighbors = [_neighbors(vertices, stride) for stride in _STRIDES]

    def spread(values: list[Array]) -> Array:
        result = np.concatenate([np.bincount(at, value) for at, value in zip(places, values)]).astype(np.float32)
        for below, above in neighbors:
            padded = np.append(result, np.float32(0))
            result = result + 0.5 * (padded[below] + padded[above])
        return result

    size = spread([np.ones(height * width, np.float32)] * frames)
    result = log_odds
    for _ in range(_ROUNDS):
        mean = spread([np.tanh(frame.ravel() / 2) for frame in result]) / size
        heard = [mean[bounds[f] : bounds[f + 1]][places[f]].reshape(height, width) for f in range(frames)]
        result = log_odds + _AGREEMENT * np.stack(heard)
    return np.asarray(result, np.float32)


def _cells(image: Array) -> Array:
    """(H W) int64: the grid vertex nearest to each pixel."""
    light, a, b = np.moveaxis(cv2.cvtColor(np.asarray(image), cv2.COLOR_RGB2LAB).astype(np.float32), -1, 0)
    y, x = np.mgrid[: image.shape[0], : image.shape[1]]
    cell = max(4.0, image.shape[1] / _CELLS_ACROSS)
    scaled = (b / _CELL_COLOR, a / _CELL_COLOR, light / _CELL_LIGHT, x / cell, y / cell)
    # One is added so that a step down from the first cell does not end in another row of cells.
    return np.asarray(sum((np.rint(s).astype(np.int64) + 1) * stride for s, stride in zip(scaled, _STRIDES))).ravel()


def _neighbors(vertices: Array, stride: int) -> tuple[Array, Array]:
    """Indices of the vertices one step below and above along an axis; len(vertices) where there is none."""
    found = []
    for step in (-stride, stride):
        at = np.minimum(np.searchsorted(vertices, vertices + step), len(vertices) - 1)
        found.append(np.where(vertices[at] == vertices + step, at, len(vertices)).astype(np.int32))
    return found[0], found[1]
