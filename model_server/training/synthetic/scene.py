"""A scene as numbers: solids, surfaces, cameras and light at every moment that is drawn."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from enum import IntEnum

import torch
from torch import Tensor
from torch.nn.functional import pad


class Kind(IntEnum):
    """Which shape a solid has in its own space, before `world_from_local` sizes, bends and places it.

    BOX: |x|, |y|, |z| <= 1. ELLIPSOID: the unit ball. CYLINDER: radius 1 around y, |y| <= 1.
    CAPSULE: radius 1 around the segment from -length to length on y; scaled evenly. SHELL: a box seen from inside.
    """

    SHELL = 0
    BOX = 1
    ELLIPSOID = 2
    CYLINDER = 3
    CAPSULE = 4


FACE_COUNT = 6  # of the shell: -x, +x, -y (ceiling), +y (floor), -z, +z


@dataclass(frozen=True)
class Scene:
    """T = frames * moments, frame by frame; a frame's first moment is its own time, the others are for color.

    World: meters, x right, y down, z forward; the floor is y = 0. Solid 0 is the shell: the walls, floor and ceiling
    around everything. A batch of scenes has a leading B on every tensor.
    """

    kinds: Tensor  # (K,) int64, of Kind; solids without a size fill up a batch
    lengths: Tensor  # (K,) of capsules, in radii
    world_from_local: Tensor  # (T, K, 3, 4)
    sizes: Tensor  # (K, 3) meters for one unit of local space, for textures
    moves: Tensor  # (K,) bool
    open_faces: Tensor  # (6,) bool: where the shell is sky
    tiles: Tensor  # (6 + K,) int64 of a surface: the shell's faces, then one for each solid (the shell's own is unused)
    tile_meters: Tensor  # (6 + K,) how large one tile is
    colors: Tensor  # (6 + K, 3, 4) sRGB from (texture, 1)
    glows: Tensor  # (6 + K,) light of its own, 1 as white paper in the lamp
    camera_from_world: Tensor  # (T, 3, 4)
    focals_px: Tensor  # (T,)
    lights: Tensor  # (T, 3) position of sun or lamp
    light_color: Tensor  # (3,) linear
    light_reach: Tensor  # () meters at which a lamp is as bright as light_color; 0 for the sun
    ambient_colors: Tensor  # (2, 3) linear, from below and from above
    sky_colors: Tensor  # (2, 3) linear, at the horizon and straight above
    sky_tile: Tensor  # () int64
    fog: Tensor  # () 1 / meters
    exposures: Tensor  # (S,) stops around the clip's own brightness
    brightness: Tensor  # () mean linear level the clip is brought to
    white_balance: Tensor  # (3,)
    contrast: Tensor  # ()
    noise: Tensor  # () standard deviation, of 1
    softness: Tensor  # () pixels
    vignette: Tensor  # () darkening in the corners, of 1
    noise_seed: Tensor  # () int64

    def to(self, device: torch.device | str) -> "Scene":
        """The same on that device."""
        return Scene(**{field.name: getattr(self, field.name).to(device) for field in fields(self)})


def batched(scenes: Sequence[Scene]) -> Scene:
    """Scenes of the same T as a batch; shorter lists of solids are filled up with nothing."""
    most = max(len(scene.kinds) for scene in scenes)

    def filled(scene: Scene, name: str) -> Tensor:
        value: Tensor = getattr(scene, name)
        missing = most - len(scene.kinds)
        if name in ("kinds", "lengths", "moves", "tiles", "tile_meters", "glows"):
            return pad(value, (0, missing), value=int(Kind.BOX) if name == "kinds" else 0)
        if name == "sizes":
            return pad(value, (0, 0, 0, missing))
        if name in ("world_from_local", "colors"):
            return pad(value, (0, 0, 0, 0, 0, missing))
        return value

    return Scene(
        **{field.name: torch.stack([filled(scene, field.name) for scene in scenes]) for field in fields(Scene)}
    )
