"""Which pixels show things that move."""

import tempfile
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from model_server.geometry.pixel_map import PixelMap
from model_server.geometry.plate_area import plate_area
from model_server.geometry.shot import Array, DepthMaps, Geometry, Motion, Progress, Solution, Tracks
from model_server.people.moving_bodies import moving_bodies
from model_server.pipeline.ahead import ahead
from model_server.pipeline.bare_patches import mostly_still
from model_server.pipeline.clean_plate import CleanPlates
from model_server.pipeline.motion_evidence import MotionEvidence
from model_server.pipeline.moving_regions import moving_regions
from model_server.pipeline.network_motion import NetworkMotion
from model_server.pipeline.picture_grid import agree_with_neighbors
from model_server.pipeline.rigid_things import rigid_things
from model_server.pipeline.shadows import dimmed
from model_server.pipeline.small_shot import SmallShot
from model_server.pipeline.steady_motion import gather_along_flow
from model_server.pipeline.still_view import nearest_inverse_depth
from model_server.pipeline.track_motion import TrackMotion
from model_server.pipeline.walkers import walkers

_WINDOW, _MARGIN = 16, 3  # frames labeled together, and frames beside them that only take part
_MOST, _LEAST = 8.0, -3.0  # gathered evidence
_WEIGHT, _PRIOR = 0.8, -1.5  # log odds of a pixel: weight * evidence + prior
_GATHERED_MOST = 2.0  # log odds: the outline of what was gathered is rough
_PLATE_MOVING, _PLATE_STILL = 3.0, 4.0  # log odds of a pixel that clearly differs from the clean plate, or does not
_PATTERN = 8.0  # log odds against a pixel that surely shows the plate's pattern
_BARE = 4.0  # log odds against a pixel of a bare patch that mostly stands still
_SHADOW = -2.0  # at most, where it looks like the plate with less light on it ...
_BODY = 1.0  # ... unless these are the odds of a body: gray trousers look so too
_MAY_MOVE = 3.5  # gathered evidence from which a pixel is left out of other frames' plates
_HIDDEN = np.float32(0.2)  # what such a pixel counts there
_CLEARLY_STILL = -0.45  # of the evidence of flow in one frame


def find_moving(
    images: Array,
    pixels: PixelMap,
    depth: DepthMaps,
    solution: Solution,
    geometry: Geometry,
    tracks: Tracks,
    progress: Progress,
) -> Motion:
    """Tell still from moving in every frame, shadows excepted.

    On small pictures (`small_shot`), evidence of each frame against its neighbors (`motion_evidence`), of tracks
    (`track_motion`) and of the engine's own map, where it has one (`network_motion`), is gathered along the flow
    (`steady_motion`). That says what may move; the outlines come from how each frame differs at full size from its
    clean plate, made of what does not (`clean_plate`). Then labels agree with those of pixels that look alike
    (`picture_grid`). What moves as one piece is followed from there to where nothing told that it moves
    (`rigid_things`), and around each part of a body that moves the rest of it is found (`people.moving_bodies`). With
    these known, all is labeled again.

    Args:
        images: (F, H, W, 3) uint8 sRGB, model size, undistorted.
        depth: of what stands still; where its confidence is low, or it is unknown, only the epipolar line is used.
        solution: cameras; frames without a pose get their labels from their neighbors.
        geometry: `static_tracks` says which tracks the cameras explain, `motion` is the engine's own map.
        tracks: plate pixels.

    Returns:
        Its source says whether geometry, the engine's map or both had anything to say; who is a person is in `people`.
    """
    small = SmallShot.of(images, pixels, depth)
    evidence = _Evidence(small, solution, geometry, tracks)
    moving, people = np.zeros(images.shape[:3], np.uint8), np.zeros(images.shape[:3], bool)
    with tempfile.TemporaryDirectory() as folder:
        gathered = gather_along_flow(small.images, evidence.frame, Path(folder), lambda done: progress(0.5 * done))
        whole = _Whole.empty(Path(folder), images.shape[:3])
        sharp = _Sharp(images, pixels, depth, solution, small, gathered, whole)
        label = partial(_label, images, pixels, solution, sharp, Path(folder), moving)
        label(lambda done: progress(0.5 + 0.2 * done), whole_known=False)
        walkers(images, moving, pixels, solution, depth, whole.rigid, lambda done: progress(0.7 + 0.02 * done))
        moving[whole.rigid] = 255
        nearest = nearest_inverse_depth(depth, solution.points, solution.camera_from_world)
        rigid_things(images, moving, pixels, solution, nearest, whole.rigid, lambda done: progress(0.72 + 0.03 * done))
        moving_bodies(images, moving, sharp.gathered, whole.bodies, people, lambda done: progress(0.75 + 0.05 * done))
        label(lambda done: progress(0.8 + 0.2 * done), whole_known=True)
        del gathered, whole, sharp, label  # their files go with the folder
    progress(1.0)
    return Motion(moving, evidence.source, people)


@dataclass(frozen=True)
class _Whole:
    """Things that move, known as a whole once a part of them is known."""

    rigid: Array  # (F, H, W) bool, of things that move as one piece, and of people who walk
    bodies: Array  # (F, H, W) float16 log odds to be of a body that moves

    @staticmethod
    def empty(folder: Path, shape: tuple[int, ...]) -> "_Whole":
        rigid = np.lib.format.open_memmap(folder / "rigid.npy", mode="w+", dtype=bool, shape=shape)
        bodies = np.lib.format.open_memmap(folder / "bodies.npy", mode="w+", dtype=np.float16, shape=shape)
        return _Whole(rigid, bodies)


def _label(
    images: Array,
    pixels: PixelMap,
    solution: Solution,
    sharp: "_Sharp",
    folder: Path,
    moving: Array,
    progress: Progress,
    whole_known: bool,
) -> None:
    """Fill in (F, H, W) uint8 probabilities of motion.

    `whole_known`: whether bodies and rigid things have been looked for.
    """
    size = images.shape[2], images.shape[1]
    alone = np.lib.format.open_memmap(folder / "alone.npy", mode="w+", dtype=np.float16, shape=images.shape[:3])
    for index, odds in enumerate(ahead(partial(sharp.odds, whole_known=whole_known), range(len(images)))):
        alone[index] = odds
        progress(0.8 * (index + 1) / len(images))
    for first in range(0, len(images), _WINDOW):
        start, stop = max(0, first - _MARGIN), min(len(images), first + _WINDOW + _MARGIN)
        odds = agree_with_neighbors(alone[start:stop].astype(np.float32), images[start:stop])
        for index in range(first, min(len(images), first + _WINDOW)):
            shown = plate_area(*size, pixels, solution.intrinsics[index], solution.distortion)
            moving[index] = moving_regions(odds[index - start], sharp.gathered(index)) * shown
        progress(0.8 + 0.2 * min(1.0, (first + _WINDOW) / len(images)))
    del alone


class _Sharp:
    """Log odds of motion at full size: what was gathered on the small pictures, and the clean plates without movers."""

    def __init__(
        self,
        images: Array,
        pixels: PixelMap,
        depth: DepthMaps,
        solution: Solution,
        small: SmallShot,
        gathered: Array,
        whole: _Whole,
    ) -> None:
        """`whole` may be filled in later."""
        self._plates = CleanPlates(images, pixels, depth, solution)
        self._images, self._small, self._gathered = images, small, gathered
        self._rigid, self._bodies = whole.rigid, whole.bodies
        self._size = images.shape[2], images.shape[1]

    def odds(self, index: int, whole_known: bool) -> Array:
        """(H, W) float32, each pixel alone.

        Where the plate shows the same pattern, or lies in a shadow that this frame does not have, a pixel is still, and
        so is a bare patch that mostly is. What is slow is in its own plates, though, and gray trousers may be in one
        patch with the floor: that counts once things are known as a whole.
        """
        odds = np.minimum(_WEIGHT * self.gathered(index) + _PRIOR, _GATHERED_MOST)
        odds = np.where(self._rigid[index], np.maximum(odds, _GATHERED_MOST), odds)
        odds = odds + self._bodies[index].astype(np.float32)
        plate = self._plates.frame(index, self._worth)
        if plate is None:
            return np.asarray(odds)
        picture = np.asarray(self._images[index])
        seen = plate.evidence(picture)
        odds = odds + np.where(seen > 0, _PLATE_MOVING, _PLATE_STILL) * seen
        is_body = self._bodies[index] >= _BODY
        known = plate.sure > 0
        shadow = dimmed(picture, plate.picture, known)
        if whole_known:
            odds = odds - _PATTERN * plate.pattern(picture)
            shadow |= dimmed(plate.picture, picture, known) & plate.shown
        odds = np.where(shadow & ~is_body, np.minimum(odds, _SHADOW), odds)
        if whole_known:
            odds = odds - _BARE * (mostly_still(picture, odds) & ~is_body)
        return np.asarray(odds, np.float32)

    def gathered(self, index: int) -> Array:
        """(H, W) float32 evidence, clipped."""
        gathered = np.clip(self._gathered[index].astype(np.float32), _LEAST, _MOST)
        return np.where(self._rigid[index], _MOST, self._small.enlarged(gathered, self._size))

    def _worth(self, index: int) -> Array:
        """(H, W) float32: what a frame counts for the plates of others."""
        may_move = (self.gathered(index) > _MAY_MOVE) | (self._bodies[index] > 0)
        worth = np.where(may_move, _HIDDEN, np.float32(1))
        return np.asarray(np.where(self._rigid[index], np.float32(0), worth))


class _Evidence:
    """All that is known of a frame's motion, added up."""

    def __init__(self, small: SmallShot, solution: Solution, geometry: Geometry, tracks: Tracks) -> None:
        self._dense = MotionEvidence(small.images, small.pixels, small.depth, solution)
        self._sparse = TrackMotion(small.pixels, solution, geometry, tracks, small.images.shape[1:3])
        self._network = NetworkMotion(small, geometry, solution)
        self._geometry_spoke = False

    def frame(self, index: int) -> Array:
        """(H, W) float32, about -1 still .. 4 moving; 0 where nothing is known."""
        dense, sparse = self._dense.frame(index), self._sparse.frame(index)
        # Corners slip, along edges that hide each other and along shadows; where the flow is clear they are not asked.
        evidence = np.where((sparse > 0) & (dense <= _CLEARLY_STILL), dense, dense + sparse)
        self._geometry_spoke |= bool(evidence.any())
        return np.asarray(evidence + self._network.frame(index, evidence))

    @property
    def source(self) -> str:
        """After all frames: "geometry", "network" or "both"."""
        if not self._network.is_known:
            return "geometry"
        return "both" if self._geometry_spoke else "network"
