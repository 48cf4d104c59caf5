"""Where a picture shows nothing: walls, floors, skies without texture."""

import cv2
import numpy as np
from numpy.typing import NDArray

BARE_LEVELS = 8  # by which neighbors differ less


def bare(image: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """(H, W): pixels of an (H, W, 3) picture, in 256 levels, that are all but like the eight around them."""
    smooth = cv2.GaussianBlur(image, (3, 3), 0)
    contrast = cv2.morphologyEx(smooth, cv2.MORPH_GRADIENT, np.ones((3, 3), np.uint8)).max(axis=-1)
    return np.asarray(contrast < BARE_LEVELS)
