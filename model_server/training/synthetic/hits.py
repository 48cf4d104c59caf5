"""What a ray has met: the place, the surface and which way it faces."""

from dataclasses import dataclass

import torch
from torch import Tensor

from model_server.training.synthetic.cast import Solids, first_hits
from model_server.training.synthetic.scene import FACE_COUNT, Kind, Scene
from model_server.training.synthetic.shapes import local_normal

Triple = tuple[Tensor, Tensor, Tensor]


@dataclass(frozen=True)
class Hits:
    """One hit for each ray; tensors are (F, Q, 16) or, for vectors, (3, F, Q, 16)."""

    depth: Tensor  # the t of the ray
    which: Tensor  # int64, the solid
    surface: Tensor  # int64, its surface among the 6 + K of the scene
    sky: Tensor  # bool: nothing was hit
    place: Tensor  # in the world
    local: Tensor  # in the solid's own space
    normal: Tensor  # in the world, of length one
    across: Tensor  # (2, F, Q, 16) meters along the surface, for textures


def hits_of(scene: Scene, origins: Tensor, directions: Tensor, solids: Solids) -> Hits:
    """Cast rays into a batch of scenes.

    Args:
        scene: with leading B.
        origins: (F, 3); F is a multiple of B, scene by scene.
        directions: (3, F, Q, 16).
        solids: of the F moments.
    """
    depth, which = first_hits(origins, directions, solids)
    pictures, count = solids.kinds.shape
    each = pictures // len(scene.kinds)
    row = (which + torch.arange(pictures, device=which.device)[:, None, None] * count).flatten()
    sizes = scene.sizes.repeat_interleave(each, 0)
    table = torch.cat([solids.local_from_world.flatten(-2), solids.lengths[..., None], sizes], -1).flatten(0, 1)
    found = table.T.contiguous().index_select(1, row)
    kinds = solids.kinds.flatten().index_select(0, row)

    place = origins.T[:, :, None, None] + directions * depth
    x, y, z = place.flatten(1)
    local = (
        found[0] * x + found[1] * y + found[2] * z + found[3],
        found[4] * x + found[5] * y + found[6] * z + found[7],
        found[8] * x + found[9] * y + found[10] * z + found[11],
    )
    facing = local_normal(kinds, local, found[12])
    far_x, far_y, far_z = (side.abs() for side in facing)
    on_x, on_y = (far_x >= far_y) & (far_x >= far_z), far_y >= far_z
    # The shell's normal looks inside, so that a face on the far side has a negative one.
    face = torch.where(on_x, facing[0] < 0, torch.where(on_y, 2 + (facing[1] < 0).long(), 4 + (facing[2] < 0).long()))
    shell = kinds == Kind.SHELL
    surface = torch.where(shell, face, which.flatten() + FACE_COUNT)
    opened = scene.open_faces.repeat_interleave(each, 0).flatten()
    picture_of = torch.arange(pictures, device=which.device).repeat_interleave(len(row) // pictures)
    sky = shell & opened[picture_of * FACE_COUNT + face]

    normal = torch.stack([found[i] * facing[0] + found[i + 4] * facing[1] + found[i + 8] * facing[2] for i in range(3)])
    normal = normal / (normal * normal).sum(0).sqrt().clamp(min=1e-12)
    meters = [local[i] * found[13 + i] for i in range(3)]
    across = torch.stack([torch.where(on_x, meters[2], meters[0]), torch.where(on_y & ~on_x, meters[2], meters[1])])
    shape = depth.shape
    return Hits(
        depth=depth,
        which=which,
        surface=surface.reshape(shape),
        sky=sky.reshape(shape),
        place=place,
        local=torch.stack(local).reshape(3, *shape),
        normal=normal.reshape(3, *shape),
        across=across.reshape(2, *shape),
    )
