"""What is known of a shot while it is put together: maps on disk, a few numbers a frame in memory."""

import os
from pathlib import Path

import numpy as np

from model_server.engines.page4d.similarity import Similarity
from model_server.engines.page4d.window import WindowGeometry
from model_server.geometry.cameras import inverse
from model_server.geometry.shot import Array, Geometry


class ShotFiles:
    """F frames written in any order; no more than what is written or read at once is in memory."""

    def __init__(self, folder: Path, frame_count: int, height: int, width: int, *, has_motion: bool) -> None:
        """Make `depth.npy`, `confidence.npy` and, where asked, `motion.npy` in the folder.

        Raises:
            OSError: the disk has no room for them.
        """
        self._folder = folder
        self._names = ("depth", "confidence", "motion") if has_motion else ("depth", "confidence")
        for name in self._names:
            _new_file(
                folder / f"{name}.npy", "float16" if name == "confidence" else "float32", (frame_count, height, width)
            )
        self.camera_from_world = np.full((frame_count, 4, 4), np.nan)
        self.intrinsics = np.full((frame_count, 3, 3), np.nan)

    def write(self, start: int, part: WindowGeometry) -> None:
        """Frames in the world, from frame `start` on."""
        frames = slice(start, start + len(part.depth))
        self.camera_from_world[frames], self.intrinsics[frames] = part.camera_from_world, part.intrinsics
        for name in self._names:
            self._open(name)[frames] = getattr(part, name)

    def frame(self, index: int) -> WindowGeometry:
        """One frame, S = 1, in the world."""
        frames = slice(index, index + 1)
        maps = {name: np.array(self._open(name)[frames], np.float32) for name in self._names}
        return WindowGeometry(
            self.camera_from_world[frames],
            self.intrinsics[frames],
            maps["depth"],
            maps["confidence"],
            maps.get("motion"),
        )

    def move(self, corrections: Similarity) -> None:
        """Every frame by its own `better_from_world`, a stack of F; one frame's depth at a time."""
        self.camera_from_world = corrections.cameras(self.camera_from_world)
        for index, scale in enumerate(corrections.scale):
            self._open("depth")[index] *= np.float32(scale)

    def start_world_at_first_camera(self) -> None:
        if np.isfinite(self.camera_from_world[0]).all():
            self.camera_from_world = self.camera_from_world @ inverse(self.camera_from_world[0])

    def geometry(self) -> Geometry:
        """Maps stay on disk; they are open for changes."""
        return Geometry(
            camera_from_world=self.camera_from_world,
            intrinsics=self.intrinsics,
            depth=self._open("depth"),
            confidence=self._open("confidence"),
            motion=self._open("motion") if "motion" in self._names else None,
        )

    def _open(self, name: str) -> Array:
        """Opened anew for each use: pages of a file that stays mapped count as this process's memory."""
        return np.asanyarray(np.load(self._folder / f"{name}.npy", mmap_mode="r+", allow_pickle=False))


def _new_file(file: Path, dtype: str, shape: tuple[int, ...]) -> None:
    np.lib.format.open_memmap(file, "w+", np.dtype(dtype), shape)
    if hasattr(os, "posix_fallocate"):  # without asking now, a full disk would end the process later (SIGBUS)
        with file.open("r+b") as stream:
            os.posix_fallocate(stream.fileno(), 0, file.stat().st_size)
