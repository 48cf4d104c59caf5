"""The demo's footage and the true outlines of its walkers."""

from functools import cache
from pathlib import Path

import cv2
import numpy as np

from model_server.footage.open import OpenClip, open_clip

_FOOTAGE = Path(__file__).parents[1] / "demo" / "footage"


@cache
def _clip() -> OpenClip:
    return open_clip(_FOOTAGE / "office_walk.mp4")


@cache
def picture(frame: int) -> np.ndarray:
    """(H, W, 3) uint8 sRGB."""
    return _clip().frame(frame)


def walker(frame: int) -> np.ndarray:
    """(H, W) bool: the walker that shows most."""
    layers = cv2.imread(str(_FOOTAGE / "truth" / "layers" / f"{frame + 1:04d}.png"), cv2.IMREAD_UNCHANGED)
    return layers == np.argmax(np.bincount(layers[layers > 0]))
