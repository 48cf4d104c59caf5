"""What each depth would cost each pixel: planes swept through space, photographs compared on every one.

After R. Collins, "A space-sweep approach to true multi-image matching" (CVPR 1996).
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from model_server.engines.classical.photographs import Comparison, View, mean_of_better_half, source_from_reference
from model_server.engines.classical.refinement import parabola_offset

WINDOW = 5  # pixels
FINE_LEVELS = 64  # of one gray level: photographs are warped as 16 bit integers, a third of the time floats take


def sweep(reference: View, sources: list[View], inverse_depths: NDArray[np.float64]) -> NDArray[np.uint8]:
    """Cost of every plane at every pixel of the reference.

    Args:
        reference: the photograph that depth is wanted for, (h, w).
        sources: one or more to compare it with.
        inverse_depths: (D,), planes parallel to the reference's image.

    Returns:
        (D, h, w).
    """
    height, width = reference.gray.shape
    maps = [source_from_reference(reference, source) for source in sources]
    comparison = Comparison(reference.gray, WINDOW)
    fine_grays = [(source.gray * FINE_LEVELS).astype(np.int16) for source in sources]
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    costs = np.empty((len(inverse_depths), height, width), np.uint8)
    for plane, inverse_depth in enumerate(inverse_depths):
        compared = []
        for fine_gray, (turned, moved) in zip(fine_grays, maps):
            homography = turned + inverse_depth * np.outer(moved, [0, 0, 1])
            warped = cv2.warpPerspective(fine_gray, homography, (width, height), flags=flags)
            compared.append(comparison.cost(warped * np.float32(1 / FINE_LEVELS)).astype(np.uint8))
        costs[plane] = mean_of_better_half(compared)
    return costs


def best_planes(costs: NDArray[np.uint16], inverse_depths: NDArray[np.float64]) -> NDArray[np.float32]:
    """(h, w) inverse depth of least cost, between the planes by a parabola through three costs."""
    best = np.clip(costs.argmin(axis=0), 1, len(costs) - 2)
    offset = parabola_offset(
        *(np.take_along_axis(costs, (best + k)[None], 0)[0].astype(np.float32) for k in (-1, 0, 1))
    )
    step = inverse_depths[1] - inverse_depths[0]
    return np.asarray(inverse_depths[0] + (best + offset) * step, np.float32)
