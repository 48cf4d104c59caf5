"""What every kind of footage looks like to the pipeline."""

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class ClipInfo:
    """Facts of a clip; sizes are those of the stored picture after its rotation metadata is applied."""

    name: str  # the movie's, without its suffix; of images what stands before the number, else their folder's
    files: tuple[Path, ...]  # one movie, or the images in order
    width: int
    height: int
    pixel_aspect: float  # width / height of one pixel
    fps: Fraction
    frame_numbers: tuple[int, ...]  # the footage's own, gaps and step included; a movie starts at 1
    notes: tuple[str, ...] = ()  # what the artist should know: "interlaced", "3 frames missing: 1005, 1006, 1010", ...

    @property
    def frame_count(self) -> int:
        return len(self.frame_numbers)


class Clip(Protocol):
    """Footage that was opened and checked. Frames are decoded when asked for; forward order is cheap."""

    @property
    def info(self) -> ClipInfo: ...

    def frame(self, index: int) -> NDArray[np.uint8]:
        """(height, width, 3) sRGB of the frame at `index` (0..frame_count-1), alpha composited on black; read-only.

        Raises:
            BadFootage: this frame can't be decoded.
        """
        ...
