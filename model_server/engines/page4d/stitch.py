"""A shot of any length from windows that the network can hold: memory for one window, time for each."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from model_server.engines.page4d.alignment import Seam, SeamSource, align
from model_server.engines.page4d.blending import cross_fade
from model_server.engines.page4d.loop_closure import corrections
from model_server.engines.page4d.revisits import Loop, Sights, find_loops
from model_server.engines.page4d.shot_files import ShotFiles
from model_server.engines.page4d.similarity import Similarity
from model_server.engines.page4d.window import Predict, Window, WindowGeometry, WindowTooLong
from model_server.engines.page4d.windows import plan_windows
from model_server.geometry.shot import Array, Geometry, Progress

_SHORTEST = 4  # frames; fewer hold too little of a scene to be joined by
_UNIT_LIMIT = 1e4  # a window's unit in the first one's; beyond it the chain has come apart
_PREDICTED = 0.95  # share of the work


@dataclass(frozen=True)
class Stitched:
    """A whole shot, and how sure its joins are."""

    geometry: Geometry  # world = first frame's camera, unit of the first window, intrinsics in the network's pixels
    windows: tuple[Window, ...]  # as they were run
    weak_seams: tuple[int, ...]  # frames that a window starts being alone at, after a join that is a guess
    loops: tuple[Loop, ...]  # places that the camera came back to, by which drift was taken out


def stitch(images: Array, length: int, overlap: int, predict: Predict, folder: Path, progress: Progress) -> Stitched:
    """Run windows over the shot and join them into one world.

    Each window is moved onto the frames that it shares with what is there already, and these frames fade over from one
    to the other. When the device runs out of memory, windows are half as long from there on; nothing is done twice.
    Where the camera came back to a place, the error of the chain is spread over all frames between.

    Args:
        images: (F, H, W, 3) uint8; read one frame at a time.
        length: frames of a window, at most.
        overlap: frames that windows share.
        predict: the network.
        folder: gets `depth.npy`, `confidence.npy` and `motion.npy`, each (F, H, W) of the network's size; the result's
            maps are these files.
        progress: the share of windows done.

    Raises:
        BadInput: windows of these numbers cover no shot.
        WindowTooLong: not even the shortest useful window fits.
    """
    return _Stitching(images, length, overlap, predict, folder, progress).run()


class _Stitching:
    def __init__(
        self, images: Array, length: int, overlap: int, predict: Predict, folder: Path, progress: Progress
    ) -> None:
        self._images, self._predict, self._folder, self._progress = images, predict, folder, progress
        self._length, self._overlap = length, overlap
        self._files: ShotFiles | None = None
        self._sights = Sights()
        self._before: WindowGeometry | None = None  # the last frames so far, in the world: what the next window shares
        self._unit = 1.0  # of the last window, in the world's
        self._windows: list[Window] = []
        self._weak: list[int] = []

    def run(self) -> Stitched:
        count, done = len(self._images), 0
        windows = plan_windows(count, self._length, self._overlap)
        while windows:
            window = windows.pop(0)
            try:
                found = self._predict(window)
            except WindowTooLong as error:
                self._halve(window, error)
                windows = plan_windows(count, self._length, self._overlap, done)
                continue
            self._join(window, _checked(found))
            del found
            done = window.stop
            self._progress(_PREDICTED * done / count)
        files = self._shot_files()
        loops = find_loops(self._images, self._sights, files, 2 * self._length)
        if loops:
            files.move(corrections(loops, files, self._length - self._overlap, tuple(self._weak)))
        files.start_world_at_first_camera()
        self._progress(1.0)
        return Stitched(files.geometry(), tuple(self._windows), tuple(self._weak), loops)

    def _halve(self, window: Window, error: WindowTooLong) -> None:
        """From now on half of what did not fit.

        Raises:
            WindowTooLong: it was too short already.
        """
        if window.frame_count <= _SHORTEST:
            raise WindowTooLong(
                f"not even {window.frame_count} frames fit into memory at once: {error.message}",
                hint="use a smaller image, end other programs that use this device, or run on the CPU",
            ) from error
        self._length = max(window.frame_count // 2, _SHORTEST)
        self._overlap = min(self._overlap, self._length // 2)

    def _join(self, window: Window, found: WindowGeometry) -> None:
        """Bring a window into the world and write it; its shared frames fade over."""
        if self._files is None:
            height, width = found.depth.shape[1:]
            has_motion = found.motion is not None
            self._files = ShotFiles(self._folder, len(self._images), height, width, has_motion=has_motion)
        if self._before is not None:
            before = _frames(self._before, len(self._before.depth) - window.shared, None)
            head = _frames(found, 0, window.shared)
            seam = self._kept_sane(align(before, head))
            if seam.weak:
                self._weak.append(window.start + window.shared)
            self._unit = float(seam.world_from_window.scale)
            found = _moved(found, seam.world_from_window)
            head = cross_fade(before, _frames(found, 0, window.shared))
            found = _concatenated(head, _frames(found, window.shared, None))
        self._files.write(window.start, found)
        self._before = _frames(found, max(0, window.frame_count - self._overlap), None)
        for index in range(window.start + window.shared, window.stop):
            self._sights.add(index, self._images[index])
        self._windows.append(window)

    def _kept_sane(self, seam: Seam) -> Seam:
        """A network that makes no sense can shrink the world without end; then the last unit is kept."""
        place = seam.world_from_window
        if place.is_finite and 1 / _UNIT_LIMIT < place.scale < _UNIT_LIMIT:
            return seam
        return Seam(replace(Similarity.identity(), scale=np.asarray(self._unit)), SeamSource.NOTHING, np.inf)

    def _shot_files(self) -> ShotFiles:
        if self._files is None:
            raise RuntimeError("no window was run")
        return self._files


def _checked(found: WindowGeometry) -> WindowGeometry:
    """What is not finite is unknown: depth 0, no confidence, camera NaN."""
    with np.errstate(invalid="ignore"):
        known = np.isfinite(found.depth) & (found.depth > 0)
    finite = np.isfinite(found.camera_from_world) & np.isfinite(found.intrinsics).all((1, 2), keepdims=True)
    posed = finite.all((1, 2), keepdims=True)
    return WindowGeometry(
        camera_from_world=np.where(posed, found.camera_from_world, np.nan),
        intrinsics=np.where(posed, found.intrinsics, np.nan),
        depth=np.where(known, found.depth, np.float32(0)),
        confidence=np.where(known, np.nan_to_num(found.confidence), np.float32(0)),
        motion=None if found.motion is None else np.nan_to_num(found.motion),
    )


def _frames(part: WindowGeometry, start: int, stop: int | None) -> WindowGeometry:
    """A copy: a view would hold the whole window in memory."""
    return WindowGeometry(
        camera_from_world=part.camera_from_world[start:stop].copy(),
        intrinsics=part.intrinsics[start:stop].copy(),
        depth=part.depth[start:stop].copy(),
        confidence=part.confidence[start:stop].copy(),
        motion=None if part.motion is None else part.motion[start:stop].copy(),
    )


def _moved(found: WindowGeometry, world_from_window: Similarity) -> WindowGeometry:
    return replace(
        found,
        camera_from_world=world_from_window.cameras(found.camera_from_world),
        depth=found.depth * np.float32(world_from_window.scale),
    )


def _concatenated(a: WindowGeometry, b: WindowGeometry) -> WindowGeometry:
    return WindowGeometry(
        camera_from_world=np.concatenate([a.camera_from_world, b.camera_from_world]),
        intrinsics=np.concatenate([a.intrinsics, b.intrinsics]),
        depth=np.concatenate([a.depth, b.depth]),
        confidence=np.concatenate([a.confidence, b.confidence]),
        motion=None if a.motion is None or b.motion is None else np.concatenate([a.motion, b.motion]),
    )
