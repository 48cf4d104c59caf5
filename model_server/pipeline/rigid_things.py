"""Things that move as one piece, found again where nothing told that they move.

What comes along the view, or stops, hardly moves in the picture: it is found late, or in parts. Once a region is known
to move, it is followed to and fro as one piece (`patch_follower`). If it stays itself for long, and no plane that
stands still would look the same (`still_plane`), then all of it moves wherever it is seen.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
from scipy.ndimage import distance_transform_edt

from model_server.geometry.pixel_map import PixelMap
from model_server.geometry.shot import Array, Progress, Solution
from model_server.pipeline.ahead import ahead
from model_server.pipeline.patch_follower import Patch, PatchFollower, Sighting, mark
from model_server.pipeline.still_plane import still_places

_EVERY = 3  # frames: from how many the regions are followed
_LEAST_AREA, _CORE_AREA = 4e-4, 1e-4  # of the picture: a region that is followed, and what is left of it inside
_THREAD = 7  # pixels: what is thinner does not hold two things together
_WELL = 0.7  # share of a patch that a frame must show to count as well seen
_WELL_FRAMES, _WELL_SHARE = 8, 0.5  # how many frames must show it well, and of those from the first to the last
_CORE = 0.5  # share of those that show it well in which a pixel must match to belong to the piece
_JOINS = 0.9  # share of them in which a pixel beside it must match to be part of it
_POINTS = 60  # of a patch, that tell where it goes
_OFF_PX = 2.0  # model pixels from where a still plane would be, from which it may move ...
_STILL_LOOK = 0.8  # ... if there, less than this share of what matches looks the same
_LOOKS = 8  # frames in which that is seen
_THIN, _AROUND = 5, 9  # pixels: what beside a piece is thinner is no part of it; over what a pixel's look is judged


def rigid_things(
    images: Array, moving: Array, pixels: PixelMap, solution: Solution, nearest: float, held: Array, progress: Progress
) -> None:
    """Mark, in every frame, the pixels of things that move as one piece.

    Args:
        images: (F, H, W, 3) uint8 sRGB, undistorted.
        moving: (F, H, W) uint8 probability of motion, over 127 where it is known.
        nearest: the largest inverse depth that the shot has.
        held: (F, H, W) bool, all false; the result.
    """
    follower = PatchFollower(images)

    def seeds() -> Iterator[tuple[int, Patch]]:
        for index in range(0, len(images), _EVERY):
            for mask in _regions(np.asarray(moving[index]) > 127):
                yield index, Patch.of(np.asarray(images[index]), mask)

    def piece(seed: tuple[int, Patch]) -> tuple[int, "_Piece | None", Array | None]:
        index, patch = seed
        found = _Piece.of(patch, index, follower.follow(patch, index), solution)
        return index, found, None if found is None else found.moving_pixels(follower, pixels, solution, nearest)

    for index, found, pixels_of_it in ahead(piece, seeds()):
        if found is not None and pixels_of_it is not None:
            mark(found.sightings, pixels_of_it, held)
        progress((index + 1) / len(images))
    progress(1.0)


@dataclass(frozen=True)
class _Piece:
    patch: Patch
    index: int  # of the frame that it is from
    sightings: dict[int, Sighting]
    well: list[int]  # the frames that show it well

    @staticmethod
    def of(patch: Patch, index: int, sightings: dict[int, Sighting], solution: Solution) -> "_Piece | None":
        """From the first to the last frame that shows it well; None where it is not one piece for long."""
        area = float(np.count_nonzero(patch.here))
        well = [i for i, sighting in sightings.items() if np.count_nonzero(sighting.matched) >= _WELL * area]
        between = {i: sightings[i] for i in sightings if min(well) <= i <= max(well)}
        if len(well) < max(_WELL_FRAMES, _WELL_SHARE * len(between)) or not _has_camera(solution, index):
            return None
        return _Piece(patch, index, between, well)

    def moving_pixels(
        self, follower: PatchFollower, pixels: PixelMap, solution: Solution, nearest: float
    ) -> Array | None:
        """(h, w) bool: what of the patch's picture moves with the piece; None where it may stand still.

        It moves if no plane that stands still explains where it goes, and would look the same there. What was not known
        to move, but goes with it and does not look the same there either, is part of it.
        """
        frames = np.array([i for i in self.sightings if i != self.index and _has_camera(solution, i)])
        if not len(frames):
            return None
        inside = np.argwhere(self.patch.here)[:, ::-1]
        inside = inside[np.linspace(0, len(inside) - 1, min(_POINTS, len(inside))).astype(int)].astype(np.float64)
        places = np.stack([self.sightings[i].places(inside) for i in frames])
        start = self.sightings[self.index].places(inside)
        still = still_places(
            pixels.footage_from_model(start + 0.5), pixels.footage_from_model(places + 0.5), self.index, frames,
            solution, nearest,
        )  # fmt: skip
        still = pixels.model_from_footage(still) - 0.5
        if np.median(np.linalg.norm(still - places, axis=-1)) < _OFF_PX:
            return None
        looks = np.unique(np.linspace(0, len(frames) - 1, _LOOKS).astype(int))
        alike, shares = [], []
        for look in looks:
            homography, _ = cv2.findHomography(inside, still[look])
            if homography is None:
                return None
            alike.append(follower.alike_at(self.patch, int(frames[look]), homography))
            matched = self.sightings[int(frames[look])].matched
            shares.append(np.count_nonzero(alike[-1] & matched) / max(1.0, float(np.count_nonzero(matched))))
        if np.mean(shares) >= _STILL_LOOK:
            return None
        seen = np.mean([self.sightings[i].alike for i in self.well], axis=0)
        still_look = cv2.blur(np.mean(alike, axis=0), (_AROUND, _AROUND))
        joins = (seen >= _JOINS) & (still_look < _JOINS) & _box(self.patch.here)
        joins = cv2.morphologyEx(joins.astype(np.uint8), cv2.MORPH_OPEN, np.ones((_THIN, _THIN), np.uint8)) > 0
        return np.asarray((self.patch.here & (seen > _CORE)) | joins)


def _box(mask: Array) -> Array:
    """(h, w) bool: the rectangle around the pixels of a mask."""
    x, y, width, height = cv2.boundingRect(mask.astype(np.uint8))
    box = np.zeros(mask.shape, bool)
    box[y : y + height, x : x + width] = True
    return box


def _has_camera(solution: Solution, index: int) -> bool:
    return bool(np.isfinite(solution.camera_from_world[index]).all())


def _regions(moving: Array) -> list[Array]:
    """(H, W) bool masks of the regions that are large enough to be followed; what hangs on a thread is apart."""
    around = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (_THREAD, _THREAD))
    _, cores, stats, _ = cv2.connectedComponentsWithStats(cv2.erode(moving.astype(np.uint8), around))
    cores[(stats[:, cv2.CC_STAT_AREA] < _CORE_AREA * moving.size)[cores]] = 0
    _, whole = cv2.connectedComponents(moving.astype(np.uint8))
    if cores.any():
        # Every pixel goes to the nearest core, if one is in its region.
        rows, columns = distance_transform_edt(cores == 0, return_distances=False, return_indices=True)
        nearest = np.where(whole[rows, columns] == whole, cores[rows, columns], 0)
        whole = np.where(nearest > 0, nearest + whole.max(), whole) * moving
    masks = [whole == number for number in np.unique(whole[whole > 0])]
    return [mask for mask in masks if np.count_nonzero(mask) >= _LEAST_AREA * moving.size]
