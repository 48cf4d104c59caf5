"""How pixels of the model's image lie on pixels of the footage."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


@dataclass(frozen=True)
class PixelMap:
    """`footage = model * scale + offset`, per axis (x, y); (0, 0) is the corner of both images."""

    scale: tuple[float, float]
    offset: tuple[float, float] = (0.0, 0.0)

    def __post_init__(self) -> None:
        if not min(self.scale) > 0:
            raise ValueError(f"scale {self.scale} is not positive")

    def footage_from_model(self, pixels: Array) -> Array:
        """(..., 2) model pixels to (..., 2) footage pixels."""
        return np.asarray(pixels * np.array(self.scale) + np.array(self.offset))

    def model_from_footage(self, pixels: Array) -> Array:
        """(..., 2) footage pixels to (..., 2) model pixels."""
        return np.asarray((pixels - np.array(self.offset)) / np.array(self.scale))

    def footage_intrinsics(self, intrinsics: Array) -> Array:
        """(..., 3, 3) intrinsics in model pixels, turned into footage pixels."""
        matrix = np.diag([*self.scale, 1.0])
        matrix[:2, 2] = self.offset
        return np.asarray(matrix @ intrinsics)

    def model_intrinsics(self, intrinsics: Array) -> Array:
        """(..., 3, 3) intrinsics in footage pixels, turned into model pixels."""
        inverse = np.diag([1 / self.scale[0], 1 / self.scale[1], 1.0])
        inverse[:2, 2] = -np.array(self.offset) / np.array(self.scale)
        return np.asarray(inverse @ intrinsics)


def fit_long_side(width: int, height: int, long_side: int, multiple: int = 1) -> tuple[int, int]:
    """Model size (width, height) for a footage size: long side at most `long_side`, nothing cropped.

    Never larger than the footage unless `multiple` asks for it; each side is a multiple of `multiple`.
    """
    shrink = min(1.0, long_side / max(width, height))
    return (
        max(multiple, round(width * shrink / multiple) * multiple),
        max(multiple, round(height * shrink / multiple) * multiple),
    )
