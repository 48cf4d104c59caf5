"""Which frames the network sees together, and what it says of them."""

from collections.abc import Callable
from dataclasses import dataclass

from model_server.errors import ServerError
from model_server.geometry.shot import Array


@dataclass(frozen=True)
class Window:
    """Frames [start, stop) of the clip; the first `shared` were in the window before."""

    start: int
    stop: int
    shared: int

    @property
    def frame_count(self) -> int:
        return self.stop - self.start


@dataclass(frozen=True)
class WindowGeometry:
    """S frames of one window at the network's size H x W; world = the window's first camera, in a unit of its own."""

    camera_from_world: Array  # (S, 4, 4) float64
    intrinsics: Array  # (S, 3, 3) float64, pixels of the network's image; principal point = its center
    depth: Array  # (S, H, W) float32 along the optical axis; 0 = unknown
    confidence: Array  # (S, H, W) float32, 0..1
    motion: Array | None  # (S, H, W) float32, 0 still .. 1 moving; None where the weights know none


Predict = Callable[[Window], WindowGeometry]


class WindowTooLong(ServerError):
    """The device has too little memory for this many frames at once; a shorter window may go."""

    status, code = 507, "window_too_long"
