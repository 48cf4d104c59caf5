"""People who go along with the camera, found by where they stand.

Who goes the way that the camera goes looks like a still point farther off, and nothing in the flow speaks against it.
But who stands on the floor is as far as the floor beneath them (D. Hoiem, A. Efros, M. Hebert, "Putting objects in
perspective", CVPR 2006): if they stood still there, their trunk would be seen elsewhere in other frames.
"""

from dataclasses import dataclass

import numpy as np

from model_server.geometry.cameras import inverse, project, transform, unproject
from model_server.geometry.pixel_map import PixelMap
from model_server.geometry.shot import Array, DepthMaps, Progress, Solution
from model_server.people.standing_people import StandingPeople, StandingPerson
from model_server.pipeline.ground import find_ground, floor_depth
from model_server.pipeline.patch_follower import Patch, PatchFollower, Sighting, mark
from model_server.pipeline.still_view import MEASURED

_EVERY = 3  # frames, from how many people are looked for
_KNOWN = 0.5  # share of a person that moves, from which motion is known
_STANDS_STILL = 0.3  # share whose depth is measured, from which it stands still
_FLOOR = 0.15  # by which the floor's depth at the feet may be off
_OFF_PX, _OFF_SHARE = 2.0, 0.25  # model pixels from where it would be, in this share of the frames at least
_POINTS = 60  # of a trunk


def walkers(
    images: Array,
    moving: Array,
    pixels: PixelMap,
    solution: Solution,
    depth: DepthMaps,
    walking: Array,
    progress: Progress,
) -> None:
    """Mark people whose motion is not known yet: their trunks in every frame, the rest where they were looked for.

    Args:
        images: (F, H, W, 3) uint8 sRGB, undistorted, model size.
        moving: (F, H, W) uint8 probability of motion, over 127 where it is known.
        depth: of what stands still.
        walking: (F, H, W) bool; the result is added to it. Stays as it is where no floor is known.
    """
    floor = find_ground(solution, depth, pixels).floor
    if floor is None:
        progress(1.0)
        return
    people, shot = StandingPeople(), _Shot(images, pixels, solution, floor, PatchFollower(images))
    for index in range(0, len(images), _EVERY):
        known = np.asarray(moving[index]) > 127
        measured = (np.asarray(depth.depth[index]) > 0) & (np.asarray(depth.confidence[index]) >= MEASURED)
        for person in people(np.asarray(images[index])) if shot.has_camera(index) else ():
            if walking[index][person.trunk].mean() >= _KNOWN:  # followed to here from another frame
                walking[index] |= person.here
            elif known[person.here].mean() < _KNOWN and measured[person.here].mean() < _STANDS_STILL:
                shot.mark_if_walking(person, index, walking)
        progress((index + 1) / len(images))
    progress(1.0)


@dataclass(frozen=True)
class _Shot:
    images: Array  # (F, H, W, 3) uint8
    pixels: PixelMap
    solution: Solution
    floor: Array  # (4,) plane in world
    follower: PatchFollower

    def has_camera(self, index: int) -> bool:
        return bool(np.isfinite(self.solution.camera_from_world[index]).all())

    def mark_if_walking(self, person: StandingPerson, index: int, walking: Array) -> None:
        """Mark somebody seen in frame `index`, in (F, H, W) bool, whose trunk goes elsewhere than if they stood."""
        pose, intrinsics = self.solution.camera_from_world[index], self.solution.intrinsics[index]
        away = floor_depth(self.pixels.footage_from_model(person.stands), pose, intrinsics, self.floor)
        trunk = Patch.of(np.asarray(self.images[index]), person.trunk)
        if not np.isfinite(away) or not trunk.here.any():
            return
        sightings = self.follower.follow(trunk, index)
        inside = np.argwhere(trunk.here)[:, ::-1]
        inside = inside[np.linspace(0, len(inside) - 1, min(_POINTS, len(inside))).astype(int)].astype(np.float64)
        off = self._off_px(inside, index, away, sightings)
        if len(off) and np.mean(off > _OFF_PX) >= _OFF_SHARE:
            mark(sightings, trunk.here, walking)
            walking[index] |= person.here

    def _off_px(self, inside: Array, index: int, away: float, sightings: dict[int, Sighting]) -> Array:
        """(n,) model pixels between where the patch's (N, 2) points are seen in n other frames and where they would be.

        `away`: depth of the floor where they stand.
        """
        poses, lenses = self.solution.camera_from_world, self.solution.intrinsics
        start = self.pixels.footage_from_model(sightings[index].places(inside) + 0.5)
        off = []
        for other, sighting in sightings.items():
            if other == index or not self.has_camera(other):
                continue
            turn = poses[other] @ inverse(poses[index])
            near, far = (
                self.pixels.model_from_footage(
                    project(transform(turn, unproject(start, np.full(len(start), at), lenses[index])), lenses[other])[0]
                )
                for at in (away / (1 + _FLOOR), away / (1 - _FLOOR))
            )
            along, gone = far - near, sighting.places(inside) + 0.5 - near
            share = (gone * along).sum(-1) / np.maximum((along**2).sum(-1), 1e-9)
            off.append(np.median(np.linalg.norm(gone - np.clip(share, 0, 1)[:, None] * along, axis=-1)))
        return np.array(off)
