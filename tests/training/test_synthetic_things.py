"""People walk on the floor with limbs that keep their length; things that turn do so about themselves."""

import numpy as np

from model_server.training.synthetic.affine import along, joined, moved, sized, turned
from model_server.training.synthetic.materials import Materials
from model_server.training.synthetic.parts import Part
from model_server.training.synthetic.person import person
from model_server.training.synthetic.scene import Kind
from model_server.training.synthetic.settings import Split

WALKED = np.linspace(0, 2, 40)


def _person(seed: int) -> list[Part]:
    random = np.random.default_rng(seed)
    return person(random, Materials(random, Split.TRAIN), 1.8, WALKED)


def _lowest(part: Part) -> np.ndarray:
    """(T,) the largest y of a capsule."""
    matrix = part.world_from_local
    radius = np.linalg.norm(matrix[..., 1], axis=-1)
    return matrix[:, 1, 3] + part.length * np.abs(matrix[:, 1, 1]) + radius


def test_a_person_stands_on_the_floor_at_every_moment():
    for seed in range(4):
        capsules = [part for part in _person(seed) if part.kind is Kind.CAPSULE]
        lowest = np.max([_lowest(part) for part in capsules], axis=0)
        assert np.abs(lowest).max() < 0.03


def test_a_person_is_as_tall_as_asked_for_and_limbs_are_scaled_evenly():
    parts = _person(1)
    tops = [part.world_from_local[:, 1, 3].min() for part in parts]
    assert 1.5 < -min(tops) < 1.8
    for part in parts:
        if part.kind is Kind.CAPSULE:
            linear = part.world_from_local[..., :3]
            radius = np.linalg.norm(linear[..., 0], axis=-1)[:, None, None]
            np.testing.assert_allclose(linear.mT @ linear, np.eye(3) * radius**2, atol=1e-9)


def test_legs_swing_and_arms_go_against_them():
    parts = [part for part in _person(2) if part.kind is Kind.CAPSULE]
    thighs = [part.world_from_local[:, 2, 3] for part in (parts[0], parts[6])]
    arms = [part.world_from_local[:, 2, 3] for part in (parts[3], parts[9])]
    assert np.ptp(thighs[0]) > 0.1
    assert np.corrcoef(thighs[0], thighs[1])[0, 1] < -0.9
    assert np.corrcoef(thighs[0], arms[0])[0, 1] < -0.9


def test_maps_are_joined_from_right_to_left():
    point = np.array([1.0, 2.0, 3.0])

    def applied(matrix, place):
        return matrix[..., :3] @ place + matrix[..., 3]

    one, other = joined(moved(1, 0, 2), turned(1, 0.3)), sized(2, 1, 0.5)
    np.testing.assert_allclose(applied(joined(one, other), point), applied(one, applied(other, point)))
    np.testing.assert_allclose(applied(turned(1, np.pi / 2), [0, 0, 1]), [1, 0, 0], atol=1e-12)


def test_a_capsule_reaches_from_one_point_to_the_other():
    start, end = np.array([0.1, -1.0, 0.3]), np.array([0.2, -0.4, -0.5])
    matrix = along(start, end, 0.1)
    length = np.linalg.norm(end - start) / 2 / 0.1
    np.testing.assert_allclose(matrix[:, :3] @ [0, length, 0] + matrix[:, 3], end, atol=1e-9)
    assert np.linalg.det(matrix[:, :3]) > 0
