"""Where rays meet the shapes in their own space, and which way the surface faces there.

Vectors come as three tensors x, y, z. A ray is origin + t * direction; direction need not have length one.
A miss is a huge t, and is worked out by arithmetic: choosing by a mask costs a core ten times as much.
"""

import torch
from torch import Tensor
from torch.nn.functional import threshold

from model_server.training.synthetic.scene import Kind

Vector = tuple[Tensor, Tensor, Tensor]
NEAREST = 1e-4  # hits at a smaller t are the ray's own start
MISSED = 1e6  # a t beyond this is no hit
_HUGE = 1e30
_TINY = 1e-12


def entry(kind: Kind, origin: Vector, direction: Vector, lengths: Tensor) -> Tensor:
    """The t at which a ray comes into a shape (out of it, for the shell); beyond MISSED for none.

    Args:
        kind: of all these shapes.
        origin: three tensors that broadcast against `direction`.
        direction: three tensors (P, N).
        lengths: (P, 1), of capsules.

    A ray that starts inside of a shape does not come into it.
    """
    if kind is Kind.SHELL:
        return _slabs(origin, direction)[1]
    if kind is Kind.BOX:
        start, end = _slabs(origin, direction)
        start = torch.maximum(start, _missed_by(start - end))
    elif kind is Kind.ELLIPSOID:
        start, _ = _ball(origin, direction)
    elif kind is Kind.CYLINDER:
        start, end = _round(origin, direction)
        first, last = _slab(origin[1], direction[1])
        start, end = torch.maximum(start, first), torch.minimum(end, last)
        start = torch.maximum(start, _missed_by(start - end))
    else:
        start = _capsule(origin, direction, lengths)
    return threshold(start, NEAREST, _HUGE)


def local_normal(kinds: Tensor, point: Vector, lengths: Tensor) -> Vector:
    """Which way the surface faces at a point on it, in the shape's own space, not of length one.

    Args:
        kinds: (N,) of Kind.
        point: three tensors (N,).
        lengths: (N,), of capsules.
    """
    x, y, z = point
    far_x, far_y, far_z = x.abs(), y.abs(), z.abs()
    flat = kinds <= Kind.BOX
    on_y = torch.where(flat, (far_y > far_x) & (far_y >= far_z), far_y * far_y >= x * x + z * z)
    on_x = ~on_y & (far_x >= far_z)
    cylinder = kinds == Kind.CYLINDER
    keep_y = ~(flat | cylinder) | on_y
    keep_x = torch.where(flat, on_x, ~(cylinder & on_y))
    keep_z = torch.where(flat, ~on_x & ~on_y, ~(cylinder & on_y))
    along = torch.where(kinds == Kind.CAPSULE, lengths, 0.0)
    along_y = y - torch.minimum(torch.maximum(y, -along), along)
    inward = torch.where(kinds == Kind.SHELL, -1.0, 1.0)
    return x * keep_x * inward, along_y * keep_y * inward, z * keep_z * inward


def _missed_by(much: Tensor) -> Tensor:
    """Huge where the number is above 0, else 0."""
    return much.relu() * _HUGE


def _slab(origin: Tensor, direction: Tensor) -> tuple[Tensor, Tensor]:
    steps = 1 / direction
    one, other = (-1 - origin) * steps, (1 - origin) * steps
    return torch.minimum(one, other), torch.maximum(one, other)


def _slabs(origin: Vector, direction: Vector) -> tuple[Tensor, Tensor]:
    start, end = _slab(origin[0], direction[0])
    for axis in (1, 2):
        first, last = _slab(origin[axis], direction[axis])
        start, end = torch.maximum(start, first), torch.minimum(end, last)
    return start, end


def _ball(origin: Vector, direction: Vector) -> tuple[Tensor, Tensor]:
    """From the point nearest to the middle on, where no digits are lost however far the ray comes from."""
    (ox, oy, oz), (dx, dy, dz) = origin, direction
    square = dx * dx + dy * dy + dz * dz
    middle = -(ox * dx + oy * dy + oz * dz) / square
    px, py, pz = ox + middle * dx, oy + middle * dy, oz + middle * dz
    return _around(middle, px * px + py * py + pz * pz - 1, square)


def _round(origin: Vector, direction: Vector) -> tuple[Tensor, Tensor]:
    """The endless cylinder around y."""
    (ox, _, oz), (dx, _, dz) = origin, direction
    square = (dx * dx + dz * dz).clamp(min=_TINY)
    middle = -(ox * dx + oz * dz) / square
    px, pz = ox + middle * dx, oz + middle * dz
    return _around(middle, px * px + pz * pz - 1, square)


def _around(middle: Tensor, outside: Tensor, square: Tensor) -> tuple[Tensor, Tensor]:
    half = ((-outside).relu() / square).sqrt()
    return torch.maximum(middle - half, _missed_by(outside)), middle + half


def _capsule(origin: Vector, direction: Vector, lengths: Tensor) -> Tensor:
    """Through the ball around the point of the segment that is level with the entry into the endless cylinder.

    Between the ends that ball touches the cylinder just there, beyond them it is the end itself.
    """
    start, _ = _round(origin, direction)
    level = origin[1] + start * direction[1]
    level = torch.minimum(torch.maximum(level, -lengths), lengths)
    return torch.maximum(_ball((origin[0], origin[1] - level, origin[2]), direction)[0], start)
