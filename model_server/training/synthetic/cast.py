"""Which solid each ray meets first. Rays go in small packets, so that few solids are asked for each."""

from dataclasses import dataclass

import torch
from torch import Tensor

from model_server.training.synthetic.scene import Kind, Scene
from model_server.training.synthetic.shapes import entry

_NUMBER_BITS = 16  # of a solid
WIDE = 0.05  # cosine of a packet's opening from which it is taken to look everywhere


@dataclass(frozen=True)
class Solids:
    """All solids at the moment of each of F pictures."""

    kinds: Tensor  # (F, K)
    lengths: Tensor  # (F, K)
    world_from_local: Tensor  # (F, K, 3, 4)
    local_from_world: Tensor  # (F, K, 3, 4)
    reaches: Tensor  # (F, K) radius of a ball around the solid


def solids_of(scene: Scene, moments: Tensor) -> Solids:
    """The solids of a batch of scenes at some of its T moments, scene by scene.

    Args:
        scene: with leading B.
        moments: (M,) int64 into T; F is B * M.
    """
    world_from_local = scene.world_from_local[:, moments].flatten(0, 1)
    each = len(moments)
    kinds = scene.kinds.repeat_interleave(each, 0)
    lengths = scene.lengths.repeat_interleave(each, 0)
    return Solids(
        kinds, lengths, world_from_local, _inverse(world_from_local), _reaches(kinds, lengths, world_from_local)
    )


def first_hits(origins: Tensor, directions: Tensor, solids: Solids) -> tuple[Tensor, Tensor]:
    """The t of each ray's first hit and the solid that is hit.

    Args:
        origins: (F, 3), one for each picture, inside of the shell.
        directions: (3, F, Q, N): N rays in each of Q packets that look about the same way.
        solids: at the moment of each picture.

    Returns:
        t: (F, Q, N), in lengths of the ray's direction.
        which: (F, Q, N) int64 into K; 0, the shell, where nothing else is met.
    """
    shape, count = directions.shape[1:], solids.kinds.shape[1]
    shells = torch.arange(len(origins), device=origins.device) * count
    best = _entries(Kind.SHELL, directions.flatten(2), shells, _starts(origins, solids), solids)
    nearest = _keys(best.reshape(-1, shape[-1]), 0)
    meetings = _meetings(origins, directions, solids, _near(origins, directions, solids))
    if meetings is not None:
        t, packet, solid = meetings
        nearest = nearest.scatter_reduce(0, packet[:, None].expand_as(t), _keys(t, solid[:, None]), "amin")
    t = (nearest >> _NUMBER_BITS).int().view(torch.float32)
    return t.reshape(shape), (nearest & ((1 << _NUMBER_BITS) - 1)).reshape(shape)


def _keys(t: Tensor, solid: Tensor | int) -> Tensor:
    """Integers in the order of the positive t, then of the solid: the bits of a float are ordered as it is."""
    return (t.view(torch.int32).long() << _NUMBER_BITS) | solid


def clear_ways(origins: Tensor, directions: Tensor, solids: Solids, wanted: Tensor, until: float) -> Tensor:
    """Whether nothing but the shell is met before t = `until`, (F, Q, N) bool; False where it is not `wanted`.

    Args:
        origins, directions, solids: as for `first_hits`.
        wanted: (F, Q, N) bool.
        until: in lengths of the ray's direction.
    """
    near = _near(origins, directions, solids) & wanted.any(-1, keepdim=True)
    meetings = _meetings(origins, directions, solids, near)
    if meetings is None:
        return wanted
    t, packet, _ = meetings
    nearest = torch.full_like(directions[0], torch.inf).flatten(0, 1)
    nearest = nearest.scatter_reduce(0, packet[:, None].expand_as(t), t, "amin")
    return (nearest.reshape(wanted.shape) > until) & wanted


def _meetings(
    origins: Tensor, directions: Tensor, solids: Solids, near: Tensor
) -> tuple[Tensor, Tensor, Tensor] | None:
    """t (P, N) of packets (P,) into F * Q at solids (P,) into K, for the pairs that are near (F, Q, K)."""
    packets, count = near.shape[1:]
    picture, packet, solid = torch.nonzero(near).unbind(1)
    packet, solid = picture * packets + packet, picture * count + solid
    kinds = solids.kinds.flatten().index_select(0, solid)
    starts, rays = _starts(origins, solids), directions.flatten(1, 2)
    found = []
    for kind in (Kind.BOX, Kind.ELLIPSOID, Kind.CYLINDER, Kind.CAPSULE):
        chosen = torch.nonzero(kinds == kind)[:, 0]
        if len(chosen):
            where, who = packet.index_select(0, chosen), solid.index_select(0, chosen)
            t = _entries(kind, rays.index_select(1, where), who, starts, solids)
            found.append((t, where, who % count))
    if not found:
        return None
    t, where, who = (torch.cat(values) for values in zip(*found))
    return t, where, who


def _starts(origins: Tensor, solids: Solids) -> Tensor:
    """(F, K, 3) origins in each solid's own space."""
    linear, offset = solids.local_from_world[..., :3], solids.local_from_world[..., 3]
    return (linear * origins[:, None, None]).sum(-1) + offset


def _entries(kind: Kind, directions: Tensor, solid: Tensor, starts: Tensor, solids: Solids) -> Tensor:
    """(P, N) entries of packet rays (3, P, N) into solids (P,)."""
    rows = solids.local_from_world[..., :3].reshape(-1, 9)[solid].T[:, :, None]
    start = starts.reshape(-1, 3)[solid].T[:, :, None]
    x, y, z = directions
    local = (
        rows[0] * x + rows[1] * y + rows[2] * z,
        rows[3] * x + rows[4] * y + rows[5] * z,
        rows[6] * x + rows[7] * y + rows[8] * z,
    )
    return entry(kind, (start[0], start[1], start[2]), local, solids.lengths.flatten()[solid][:, None])


def _near(origins: Tensor, directions: Tensor, solids: Solids) -> Tensor:
    """(F, Q, K): whether the cone around a packet comes near the ball around a solid."""
    units = directions / (directions * directions).sum(0).sqrt()
    axis = units.mean(-1)
    axis = axis / (axis * axis).sum(0).sqrt().clamp(min=1e-6)
    cosine = (units * axis[..., None]).sum(0).amin(-1).clamp(-1, 1)[..., None]
    sine = (1 - cosine * cosine).clamp(min=0).sqrt()
    ways = (solids.world_from_local[..., 3] - origins[:, None]).movedim(-1, 0)[:, :, None]  # (3, F, 1, K)
    axis = axis[..., None]
    along = axis[0] * ways[0] + axis[1] * ways[1] + axis[2] * ways[2]
    across = ((ways * ways).sum(0) - along * along).relu().sqrt()
    reach = solids.reaches[:, None]
    # A little more than nothing, for the digits lost in a difference of squares.
    near = across * cosine - along * sine <= reach * 1.001 + 1e-3 * (along.abs() * 0.05 + 1)
    return (near | (cosine < WIDE)) & (reach > 0)


def _reaches(kinds: Tensor, lengths: Tensor, world_from_local: Tensor) -> Tensor:
    """Radius of a ball that holds the solid; 0 for what has no size and for the shell."""
    matrix = world_from_local[..., :3]
    gram = matrix.mT @ matrix
    squares = gram.diagonal(dim1=-2, dim2=-1)
    ball = gram.abs().sum(-1).amax(-1)  # Gershgorin: no smaller than the longest axis
    box = gram.abs().sum((-1, -2))
    cylinder = torch.where(gram.abs().sum((-1, -2)) < 2 * ball, gram.abs().sum((-1, -2)), 2 * ball)
    capsule = squares[..., 0] * (1 + lengths) ** 2
    reach = torch.where(kinds == Kind.BOX, box, torch.where(kinds == Kind.ELLIPSOID, ball, cylinder))
    reach = torch.where(kinds == Kind.CAPSULE, capsule, reach)
    return torch.where(kinds == Kind.SHELL, 0.0, reach).sqrt()


def _inverse(world_from_local: Tensor) -> Tensor:
    """Of (..., 3, 4); what has no size gets zeros."""
    matrix = world_from_local[..., :3]
    a, b, c = matrix.unbind(-1)
    rows = torch.stack([torch.linalg.cross(b, c), torch.linalg.cross(c, a), torch.linalg.cross(a, b)], -2)
    volume = (rows[..., 0, :] * a).sum(-1)[..., None, None]
    linear = torch.where(volume.abs() > 0, rows / torch.where(volume == 0, 1.0, volume), 0.0)
    return torch.cat([linear, -(linear * world_from_local[..., None, :, 3]).sum(-1, keepdim=True)], -1)
