"""Runs the network on windows of a shot."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from model_server.engines.page4d.network.network import Head, Page4DNetwork, Prediction
from model_server.engines.page4d.network.precision import Precision
from model_server.engines.page4d.plan import MemoryNeed, memory_need
from model_server.engines.page4d.pose_encoding import decode_cameras
from model_server.engines.page4d.window import Window, WindowGeometry, WindowTooLong
from model_server.geometry.shot import Array

_CPU_OUT_OF_MEMORY = "can't allocate memory"


@dataclass(frozen=True)
class _Tokens:
    """The backbone's tokens of the last window: the next one shares some of its frames."""

    start: int
    patches: Tensor  # (S, rows * columns, dim)

    def of(self, first: int, stop: int) -> Tensor:
        return self.patches[max(0, first - self.start) : max(0, stop - self.start)]


class WindowRunner:
    """Called with a window, gives its geometry.

    Args:
        network: on its device, weights loaded.
        images: (F, H, W, 3) uint8 sRGB, sides multiples of the patch.
        strength: alpha of the mask; 0 turns it off, and then there is no motion.
        frames_at_once: how many frames backbone and depth head take at a time; a matter of memory alone.
    """

    def __init__(
        self, network: Page4DNetwork, images: Array, strength: float, precision: Precision, frames_at_once: int = 1
    ) -> None:
        self._network, self._images, self._strength = network.eval(), images, strength
        self._precision, self._frames_at_once = precision, frames_at_once
        self._device = next(network.parameters()).device
        self._tokens: _Tokens | None = None

    def memory_need(self) -> MemoryNeed:
        height, width = self._images.shape[1:3]
        weight_bytes = sum(weight.nbytes for weight in self._network.parameters())
        compute_bytes = self._precision.compute.itemsize
        return memory_need(self._network.config, weight_bytes, width, height, compute_bytes, self._frames_at_once)

    def __call__(self, window: Window) -> WindowGeometry:
        """Look at one window.

        Raises:
            WindowTooLong: the device's memory does not hold it.
        """
        height, width = self._images.shape[1:3]
        patch = self._network.config.patch
        with torch.inference_mode(), memory_errors(window.frame_count), self._precision.autocast(self._device):
            patches = self._patches(window)
            prediction = self._network.from_patches(
                patches[None],
                (height // patch, width // patch),
                self._strength,
                (Head.CAMERA, Head.DEPTH),
                frames_at_once=self._frames_at_once,
            )
            return _geometry(prediction, width, height)

    def _patches(self, window: Window) -> Tensor:
        """The backbone's tokens of the window's frames; those of the window before are used again."""
        known = [] if self._tokens is None else [self._tokens.of(window.start, window.stop)]
        first = window.start + sum(map(len, known))
        if self._tokens is not None and window.start < self._tokens.start:
            known, first = [], window.start
        parts = [*known, *(self._look(start, window.stop) for start in range(first, window.stop, self._frames_at_once))]
        self._tokens = _Tokens(window.start, torch.cat(parts))
        return self._tokens.patches

    def _look(self, start: int, stop: int) -> Tensor:
        images = torch.from_numpy(np.array(self._images[start : min(stop, start + self._frames_at_once)]))
        pictures = images.to(self._device, non_blocking=True).permute(0, 3, 1, 2).float() / 255
        return self._network.backbone(pictures)


def _geometry(prediction: Prediction, width: int, height: int) -> WindowGeometry:
    poses, depth, certainty = prediction.poses, prediction.depth, prediction.depth_confidence
    if poses is None or depth is None or certainty is None:
        raise ValueError("the network was not asked for cameras and depth")
    motion = None
    if prediction.keys is not None:
        keys = functional.interpolate(prediction.keys.float(), (height, width), mode="bilinear")
        motion = (0.5 - keys)[0].cpu().numpy()
    camera_from_world, intrinsics = decode_cameras(poses[-1, 0].double().cpu().numpy(), width, height)
    # The first frame's camera is the world, which the network's own says only nearly.
    camera_from_world = camera_from_world @ np.linalg.inv(camera_from_world[0])
    return WindowGeometry(
        camera_from_world, intrinsics, depth[0].cpu().numpy(), (1 - 1 / certainty[0]).cpu().numpy(), motion
    )


@contextmanager
def memory_errors(frame_count: int) -> Iterator[None]:
    """Says so, and what to do, where this many frames at once are too many.

    Raises:
        WindowTooLong: what is done here found no memory.
    """
    try:
        yield
    except RuntimeError as error:  # torch.OutOfMemoryError is one; a CPU's has no type of its own
        if not isinstance(error, torch.OutOfMemoryError) and _CPU_OUT_OF_MEMORY not in str(error):
            raise
        raise WindowTooLong(
            f"{frame_count} frames at once do not fit into the memory of this device",
            hint="close other programs, or use the engine classical",
        ) from error
