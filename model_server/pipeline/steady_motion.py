"""Evidence gathered along the flow, so that what is seen in one frame counts in those before and after.

A recursive filter that follows the flow, forward and backward (as in M. Lang et al., "Practical temporal consistency
for image-based graphics applications", SIGGRAPH 2012): what stands still for a moment remains what moved before, and
frames without a camera get the evidence of their neighbors.
"""

import tempfile
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np

from model_server.geometry.shot import Array, Progress
from model_server.pipeline.optical_flow import DenseFlow, grid, sample

_MEMORY = 0.8  # share of the evidence that reaches the next frame
_MATCH_PX, _MATCH_LEVELS = 1.5, 20.0  # by which a match that does not close, or changes color, loses weight


def gather_along_flow(images: Array, evidence: Callable[[int], Array], folder: Path, progress: Progress) -> Array:
    """(F, H, W) float16 memory map in `folder`: the sum of evidence along each pixel's path.

    Args:
        images: (F, H, W, 3) uint8.
        evidence: frame index to (H, W) float32; asked once for each frame, in order.
    """
    shape = images.shape[:3]
    total = np.lib.format.open_memmap(folder / "evidence.npy", mode="w+", dtype=np.float16, shape=shape)
    with tempfile.TemporaryFile(dir=folder) as file:
        own = np.memmap(file, np.float16, "w+", shape=shape)
        flow = DenseFlow()
        state: Array = np.zeros(shape[1:], np.float32)
        for index in range(shape[0]):
            own[index] = now = evidence(index)
            state = now + (_carried(state, images[index], images[index - 1], flow) if index else 0)
            total[index] = state
            progress(0.9 * (index + 1) / shape[0])
        state = np.zeros(shape[1:], np.float32)
        for index in reversed(range(shape[0])):
            later = _carried(state, images[index], images[index + 1], flow) if index + 1 < shape[0] else state
            total[index] += later
            state = own[index].astype(np.float32) + later
            progress(1 - 0.1 * index / shape[0])
    return total


def _carried(state: Array, image: Array, neighbor: Array, flow: DenseFlow) -> Array:
    """The neighbor's state, moved to this frame, weaker where the two do not match."""
    height, width = state.shape
    there, back = flow(image, neighbor), flow(neighbor, image)
    places = grid(width, height) + there
    unclosed = np.hypot(*np.moveaxis(there + sample(back, places), -1, 0))
    changed = np.abs(image.astype(np.float32) - sample(neighbor, places)).mean(-1)
    trust = np.exp(-((unclosed / _MATCH_PX) ** 2) - (changed / _MATCH_LEVELS) ** 2)
    moved = cv2.remap(
        state, places[..., 0] - 0.5, places[..., 1] - 0.5, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT
    )
    return np.asarray(_MEMORY * trust * moved)
