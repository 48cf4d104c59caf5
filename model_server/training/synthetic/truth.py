"""What a clip's pixels show: how far it is, whether it moves and where it is in the next frame."""

from dataclasses import dataclass

import torch
from torch import Tensor

from model_server.training.synthetic.cast import Solids
from model_server.training.synthetic.hits import Hits
from model_server.training.synthetic.rays import picture, pixel_centers
from model_server.training.synthetic.scene import Scene

NEAREST_BEHIND = 1e-3  # meters: what is behind the next camera is taken to be this far in front of it


@dataclass(frozen=True)
class Truth:
    """Of a batch of B clips of S frames."""

    depth: Tensor  # (B, S, H, W) meters along the optical axis, 0 in the sky
    moving: Tensor  # (B, S, H, W) bool
    flow: Tensor  # (B, S - 1, H, W, 2) pixels; of the sky, as far away as can be


def truth_of(
    scene: Scene, hits: Hits, directions: Tensor, solids: Solids, cameras: Tensor, focals: Tensor, size: tuple[int, int]
) -> Truth:
    """Read the truth off the hits of each frame's own time.

    Args:
        scene: with leading B.
        hits: of F = B * S pictures, along `directions` (3, F, Q, 16).
        solids: of the same moments.
        cameras: (F, 3, 4) camera from world.
        focals: (F,) pixels.
        size: width and height.
    """
    clips = len(scene.kinds)
    frames = len(cameras) // clips
    moves = scene.moves.repeat_interleave(frames, 0).flatten()
    count = solids.kinds.shape[1]
    row = hits.which + torch.arange(len(cameras), device=cameras.device)[:, None, None] * count
    moving = moves[row] & ~hits.sky
    depth = torch.where(hits.sky, 0.0, hits.depth)

    def pictures(values: Tensor) -> Tensor:
        return picture(values, *size).reshape(clips, frames, size[1], size[0])

    return Truth(pictures(depth), pictures(moving), _flow(hits, directions, solids, cameras, focals, clips, size))


def _flow(
    hits: Hits, directions: Tensor, solids: Solids, cameras: Tensor, focals: Tensor, clips: int, size: tuple[int, int]
) -> Tensor:
    frames = len(cameras) // clips
    here = torch.arange(len(cameras), device=cameras.device).reshape(clips, frames)[:, :-1].flatten()
    count = solids.kinds.shape[1]
    row = hits.which[here] + (here + 1)[:, None, None] * count
    matrix = solids.world_from_local.flatten(-2).flatten(0, 1)[row.flatten()].T.reshape(12, *row.shape)
    local = hits.local[:, here]
    sky = hits.sky[here]
    world = torch.stack(
        [
            matrix[4 * i] * local[0] + matrix[4 * i + 1] * local[1] + matrix[4 * i + 2] * local[2] + matrix[4 * i + 3]
            for i in range(3)
        ]
    )
    world = torch.where(sky, directions[:, here], world)
    camera = cameras[here + 1][..., None, None]
    x, y, z = (
        camera[:, i, 0] * world[0] + camera[:, i, 1] * world[1] + camera[:, i, 2] * world[2]
        + torch.where(sky, 0.0, camera[:, i, 3])
        for i in range(3)
    )  # fmt: skip
    scale = focals[here + 1][:, None, None] / z.clamp(min=NEAREST_BEHIND)
    column, line = pixel_centers(*size, cameras.device)
    flow = [picture(x * scale + size[0] / 2 - column, *size), picture(y * scale + size[1] / 2 - line, *size)]
    return torch.stack(flow, -1).reshape(clips, frames - 1, size[1], size[0], 2)
