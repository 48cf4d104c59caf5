"""Rays meet boxes, balls, cylinders and capsules where plain arithmetic says."""

import math

import numpy as np
import pytest
import torch
from plain_rays import first_entry

from model_server.training.synthetic.scene import Kind
from model_server.training.synthetic.shapes import MISSED, entry, local_normal

RAYS = 3000


def _rays(seed: int, *, inside: bool):
    random = np.random.default_rng(seed)
    origins = random.uniform(-0.9, 0.9, (RAYS, 3)) if inside else random.normal(0, 4, (RAYS, 3))
    targets = random.normal(0, 1.0, (RAYS, 3))
    return origins, (targets - origins) * random.uniform(0.1, 3, (RAYS, 1)), random.uniform(0, 3, RAYS)


def _entries(kind, origins, directions, lengths):
    vectors = [
        tuple(torch.tensor(values[:, axis, None]).float() for axis in range(3)) for values in (origins, directions)
    ]
    return entry(kind, *vectors, torch.tensor(lengths)[:, None].float())[:, 0].numpy()


@pytest.mark.parametrize("kind", [Kind.BOX, Kind.ELLIPSOID, Kind.CYLINDER, Kind.CAPSULE])
def test_rays_from_outside_enter_where_the_plain_twin_says(kind):
    origins, directions, lengths = _rays(int(kind), inside=False)
    far = np.abs(origins).max(1) > 1.2 + lengths  # outside of every shape
    found = _entries(kind, origins, directions, lengths)
    true = np.array([first_entry(kind, o, d, n) for o, d, n in zip(origins, directions, lengths)])
    agree = np.where(np.isinf(true), found > MISSED, np.isclose(found, true, rtol=2e-3, atol=1e-4))
    assert 0.1 < np.isfinite(true[far]).mean() < 0.99
    # A ray that only grazes may be taken either way in single precision.
    assert agree[far].mean() > 0.998


@pytest.mark.parametrize("kind", [Kind.BOX, Kind.ELLIPSOID, Kind.CYLINDER])
def test_rays_that_start_inside_meet_nothing(kind):
    origins, directions, lengths = _rays(9, inside=True)
    origins = origins / math.sqrt(3)
    assert (_entries(kind, origins, directions, lengths) > MISSED).all()


def test_the_shell_is_left_where_the_plain_twin_says():
    origins, directions, lengths = _rays(10, inside=True)
    true = [first_entry(Kind.SHELL, o, d, 0.0) for o, d in zip(origins, directions)]
    np.testing.assert_allclose(_entries(Kind.SHELL, origins, directions, lengths), true, rtol=1e-4, atol=1e-5)


def test_rays_along_an_axis_hit_the_face_they_look_at():
    origin = np.array([[0.2, 0.3, -5.0]])
    direction = np.array([[0.0, 0.0, 1.0]])
    for kind, t in ((Kind.BOX, 4.0), (Kind.ELLIPSOID, 5 - math.sqrt(1 - 0.13)), (Kind.CYLINDER, 5 - math.sqrt(0.96))):
        assert _entries(kind, origin, direction, np.zeros(1))[0] == pytest.approx(t, rel=1e-5)
    assert _entries(Kind.BOX, origin, -direction, np.zeros(1))[0] > MISSED


def test_normals_stand_on_the_surface_and_look_out_of_it():
    """Against the way in which the distance to the shape grows."""
    random = np.random.default_rng(2)
    for kind, distance in (
        (Kind.BOX, lambda p, _: np.abs(p).max(-1)),
        (Kind.ELLIPSOID, lambda p, _: np.linalg.norm(p, axis=-1)),
        (Kind.CYLINDER, lambda p, _: np.maximum(np.hypot(p[:, 0], p[:, 2]), np.abs(p[:, 1]))),
        (Kind.CAPSULE, lambda p, n: np.linalg.norm(p - np.stack([0 * n, np.clip(p[:, 1], -n, n), 0 * n], -1), axis=-1)),
    ):
        lengths = random.uniform(0, 2, 500)
        points = random.normal(0, 1, (500, 3))
        for _ in range(60):  # towards the surface
            points *= (1 + 0.3 * (1 / np.maximum(distance(points, lengths), 0.05) - 1))[:, None].clip(0.5, 2)
        step = 1e-5
        slope = [
            (distance(points + step * e, lengths) - distance(points - step * e, lengths)) / step for e in np.eye(3)
        ]
        slope = np.stack(slope, -1)
        normal = local_normal(torch.full((500,), int(kind)), tuple(torch.tensor(points.T)), torch.tensor(lengths))
        normal = torch.stack(normal, -1).numpy()
        cosine = (normal * slope).sum(-1) / np.linalg.norm(normal, axis=-1) / np.linalg.norm(slope, axis=-1)
        assert np.median(np.abs(distance(points, lengths) - 1)) < 1e-3
        assert np.quantile(cosine, 0.02) > 0.999
