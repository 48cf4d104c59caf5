"""Clips for tests of the training: a textured wall that a camera flies past, with a disc that slides over it."""

from dataclasses import dataclass

import torch

from model_server.training.clip import Clip, stacked


@dataclass(frozen=True)
class WallSource:
    """A `ClipSource`: clip number n is always the same one."""

    frames: int = 2
    height: int = 28
    width: int = 42

    def batch(self, step: int, size: int, rank: int, world: int) -> Clip:
        first = (step * world + rank) * size
        return stacked([wall_clip(seed, self.frames, self.height, self.width) for seed in range(first, first + size)])


def wall_clip(seed: int, frames: int = 2, height: int = 28, width: int = 42) -> Clip:
    """Float64 inside, so that the truth is exact to what float32 holds; all pixels are valid."""
    generator = torch.Generator().manual_seed(seed)

    def random(*shape: int) -> torch.Tensor:
        return torch.rand(*shape, generator=generator, dtype=torch.float64) - 0.5

    focal = width * (0.9 + 0.3 * float(random(1)))
    intrinsics = torch.tensor([[focal, 0, width / 2], [0, focal, height / 2], [0, 0, 1]], dtype=torch.float64)
    time = torch.linspace(0, 1, frames, dtype=torch.float64)[:, None]
    turns = torch.linalg.matrix_exp(_skew(0.3 * random(1, 3) + time * 0.4 * random(1, 3)))
    camera_from_world = torch.eye(4, dtype=torch.float64).repeat(frames, 1, 1)
    camera_from_world[:, :3, :3] = turns
    camera_from_world[:, :3, 3] = 0.5 * random(1, 3) + time * 0.8 * random(1, 3)
    normal = torch.tensor([0.0, 0, -1], dtype=torch.float64) + 0.4 * random(3)
    origins = -(turns.transpose(1, 2) @ camera_from_world[:, :3, 3:])[..., 0]
    v, u = torch.meshgrid(torch.arange(height) + 0.5, torch.arange(width) + 0.5, indexing="ij")
    rays = torch.stack(((u - width / 2) / focal, (v - height / 2) / focal, torch.ones_like(u)), -1).double()
    directions = torch.einsum("hwi,sij->shwj", rays, turns)
    distance = normal @ torch.tensor([0, 0, 3.0], dtype=torch.float64)
    depth = (distance - origins @ normal)[:, None, None] / (directions @ normal)
    places = origins[:, None, None] + depth[..., None] * directions
    phases = 6 * random(3, 3, 4)
    waves = torch.sin(torch.einsum("shwi,cik->shwck", places, 4 * phases) + phases[:, 0]).mean(-1)
    center = torch.tensor([0, 0, 3.0]) + time * 2 * random(1, 3) * torch.tensor([1.0, 1, 0])
    moving = (places - center[:, None, None]).square().sum(-1) < 0.3
    color = torch.where(moving[..., None], 0.9, 0.5 + 0.45 * waves)
    return Clip(
        color.movedim(-1, 1).float(),
        depth.float(),
        torch.ones_like(moving),
        camera_from_world.float(),
        intrinsics.float().repeat(frames, 1, 1),
        moving,
        name=f"wall {seed}",
    )


def _skew(turn: torch.Tensor) -> torch.Tensor:
    x, y, z = turn.unbind(-1)
    zero = torch.zeros_like(x)
    return torch.stack((zero, -z, y, z, zero, -x, -y, x, zero), -1).reshape(*x.shape, 3, 3)
