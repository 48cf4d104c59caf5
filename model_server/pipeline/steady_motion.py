"""Evidence gathered along the flow, so that what is seen in one frame counts in those before and after.

A recursive filter that follows the flow, forward and backward (as in M. Lang et al., "Practical temporal consistency
for image-based graphics applications", SIGGRAPH 2012): what stands still for a moment remains what moved before, and
frames without a camera get the evidence of their neighbors.
"""

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from model_server.geometry.shot import Array, Progress
from model_server.pipeline.ahead import ahead
from model_server.pipeline.optical_flow import DenseFlow, grid, sample

_MEMORY = 0.92  # share of the evidence that reaches the next frame
_MATCH_PX, _MATCH_LEVELS = 1.5, 20.0  # by which a match that does not close, or changes color, loses weight
_MEAN = np.full((1, 3), 1 / 3, np.float32)  # of the channels


def gather_along_flow(images: Array, evidence: Callable[[int], Array], folder: Path, progress: Progress) -> Array:
    """(F, H, W) float16 memory map in `folder`: the sum of evidence along each pixel's path.

    Args:
        images: (F, H, W, 3) uint8.
        evidence: frame index to (H, W) float32; asked once for each frame, from several threads.
    """
    shape = images.shape[:3]
    total = np.lib.format.open_memmap(folder / "evidence.npy", mode="w+", dtype=np.float16, shape=shape)
    with tempfile.TemporaryFile(dir=folder) as file:
        own = np.memmap(file, np.float16, "w+", shape=shape)
        flow, nothing = DenseFlow(), np.zeros(shape[1:], np.float32)

        def link(index: int, step: int) -> _Link | None:
            other = index + step
            return _Link.of(images[index], images[other], flow) if 0 <= other < shape[0] else None

        state: Array = nothing
        before = ahead(lambda index: (evidence(index), link(index, -1)), range(shape[0]))
        for index, (now, past) in enumerate(before):
            own[index] = now
            total[index] = state = now + past.carried(state) if past else now
            progress(0.9 * (index + 1) / shape[0])
        state = nothing
        for index, next_ in zip(reversed(range(shape[0])), ahead(lambda i: link(i, 1), reversed(range(shape[0])))):
            later = next_.carried(state) if next_ else nothing
            total[index] += later
            state = own[index].astype(np.float32) + later
            progress(1 - 0.1 * index / shape[0])
    return total


@dataclass(frozen=True)
class _Link:
    """Where each pixel of a frame lies in its neighbor, and how well the two match."""

    places: Array  # (H, W, 2) float32, pixels of the neighbor
    trust: Array  # (H, W) float32, 0..1

    @staticmethod
    def of(image: Array, neighbor: Array, flow: DenseFlow) -> "_Link":
        """(H, W, 3) uint8 both."""
        height, width = image.shape[:2]
        there, back = flow(image, neighbor), flow(neighbor, image)
        places = grid(width, height) + there
        closing = there + sample(back, places)
        unclosed = closing[..., 0] ** 2 + closing[..., 1] ** 2
        changed = cv2.transform(np.abs(image.astype(np.float32) - sample(neighbor, places)), _MEAN)
        return _Link(places, np.exp(-unclosed / _MATCH_PX**2 - (changed / _MATCH_LEVELS) ** 2))

    def carried(self, state: Array) -> Array:
        """The neighbor's state, moved to this frame, weaker where the two do not match."""
        x, y = self.places[..., 0] - np.float32(0.5), self.places[..., 1] - np.float32(0.5)
        moved = cv2.remap(state, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT)
        return np.asarray(np.float32(_MEMORY) * self.trust * moved)
