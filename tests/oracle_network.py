"""A network that knows the truth: what PAGE-4D would say of a shot if it made no errors, or errors of known size."""

from dataclasses import dataclass

import numpy as np
from scipy.spatial.transform import Rotation

from model_server.engines.engine import WeightsFacts
from model_server.engines.page4d.engine import Eye, Page4DEngine
from model_server.engines.page4d.window import Window, WindowGeometry
from model_server.geometry.cameras import inverse

FACTS = WeightsFacts("oracle", "0" * 64, "none: it is a test")
UNIT = 0.37  # the network's unit, in the truth's: it has one of its own


@dataclass(frozen=True)
class Truth:
    """Of a whole shot; `depth` and `moving` at the network's size, on the plate."""

    camera_from_world: np.ndarray  # (F, 4, 4)
    fields_of_view: tuple[float, float]  # horizontal, vertical, radians
    depth: np.ndarray  # (F, H, W)
    moving: np.ndarray  # (F, H, W) bool


@dataclass(frozen=True)
class Errors:
    """One standard deviation each; `focal_bias` is an error that all frames share."""

    turn_degrees: float = 0.0
    place: float = 0.0  # share of the path's extent
    focal: float = 0.0  # relative
    focal_bias: float = 0.0
    depth: float = 0.0  # relative, one factor for each frame
    has_mask: bool = True


NETWORK_GRADE = Errors(turn_degrees=1.0, place=0.02, focal=0.05, focal_bias=0.05, depth=0.03)


def oracle_engine(truth: Truth, errors: Errors = Errors(), length: int = 100, long_side: int = 518) -> Page4DEngine:
    """The engine with an oracle in the network's place."""
    overlap = max(1, min(length, len(truth.depth)) // 3)
    return Page4DEngine(FACTS, lambda images: Eye(Oracle(truth, errors, images.shape), length, overlap), long_side)


class Oracle:
    """Called with a window, says what is true of it, with errors that do not depend on the window."""

    def __init__(self, truth: Truth, errors: Errors, shape: tuple[int, ...]) -> None:
        count, self._height, self._width = shape[:3]
        assert truth.depth.shape == shape[:3], "the truth is not at the size that the network sees"
        random = np.random.default_rng(11)
        world_from_camera = inverse(truth.camera_from_world)
        extent = np.linalg.norm(np.ptp(world_from_camera[:, :3, 3], axis=0))
        axes = random.normal(size=(count, 3))
        axes *= np.radians(errors.turn_degrees) / np.linalg.norm(axes, axis=1, keepdims=True)
        world_from_camera[:, :3, :3] = world_from_camera[:, :3, :3] @ Rotation.from_rotvec(axes).as_matrix()
        ways = random.normal(size=(count, 3))
        world_from_camera[:, :3, 3] += errors.place * extent * ways / np.linalg.norm(ways, axis=1, keepdims=True)
        world_from_camera[:, :3, 3] *= UNIT
        self._poses = inverse(world_from_camera)
        self._zoom = (1 + errors.focal_bias) * (1 + errors.focal * random.normal(size=count))
        self._depth = truth.depth * (UNIT * np.exp(errors.depth * random.normal(size=(count, 1, 1))))
        self._truth, self._errors = truth, errors

    def __call__(self, window: Window) -> WindowGeometry:
        frames = slice(window.start, window.stop)
        horizontal, vertical = self._truth.fields_of_view
        intrinsics = np.zeros((window.frame_count, 3, 3))
        intrinsics[:, 0, 0] = self._zoom[frames] * self._width / 2 / np.tan(horizontal / 2)
        intrinsics[:, 1, 1] = self._zoom[frames] * self._height / 2 / np.tan(vertical / 2)
        intrinsics[:] += [[0, 0, self._width / 2], [0, 0, self._height / 2], [0, 0, 1]]
        poses = self._poses[frames] @ inverse(self._poses[window.start])
        depth = self._depth[frames].astype(np.float32)
        motion = None
        if self._errors.has_mask:
            motion = np.where(self._truth.moving[frames], np.float32(0.9), np.float32(0.3))
        return WindowGeometry(poses, intrinsics, depth, np.full(depth.shape, 0.9, np.float32), motion)
