"""What an engine is."""

from typing import Protocol

from model_server.geometry.pixel_map import PixelMap
from model_server.geometry.shot import Array, DepthMaps, Geometry, Plate, Progress, Solution, Tracks
from model_server.settings import SolveSettings


class Engine(Protocol):
    name: str
    long_side: int  # of the model's images, pixels

    def estimate(self, plate: Plate, tracks: Tracks, settings: SolveSettings, progress: Progress) -> Geometry:
        """First cameras, and whatever else the engine knows.

        Raises:
            Unsolvable: nothing can be found in this footage; the message names why.
        """
        ...

    def densify(
        self, images: Array, pixels: PixelMap, geometry: Geometry, solution: Solution, progress: Progress
    ) -> DepthMaps:
        """Depth for every pixel it can, in the solution's units; images (F, H, W, 3) uint8, undistorted."""
        ...
