"""Cameras to nine numbers and back; the way back is the engine's."""

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from model_server.engines.page4d.pose_encoding import decode_cameras
from model_server.training.pose_encoder import encode_cameras, quaternions_of

WIDTH, HEIGHT = 112, 84
number = st.floats(-1, 1)


@settings(deadline=None)
@given(st.tuples(number, number, number), st.floats(0, 3.1415), st.tuples(number, number, number), st.floats(0.3, 5))
def test_the_engine_decodes_what_was_encoded(axis, angle, translation, focal):
    axis = np.array(axis) if np.linalg.norm(axis) > 1e-3 else np.array([1.0, 0, 0])
    camera = torch.eye(4, dtype=torch.float64)
    camera[:3, :3] = _turn(axis / np.linalg.norm(axis), angle)
    camera[:3, 3] = torch.tensor(translation)
    fx, fy = focal * WIDTH, 1.1 * focal * WIDTH
    intrinsics = torch.tensor([[fx, 0, WIDTH / 2], [0, fy, HEIGHT / 2], [0, 0, 1]], dtype=torch.float64)
    encoding = encode_cameras(camera[None], intrinsics[None], WIDTH, HEIGHT)
    assert encoding.shape == (1, 9)
    cameras, lenses = decode_cameras(encoding.numpy(), WIDTH, HEIGHT)
    np.testing.assert_allclose(cameras[0], camera, atol=1e-9)
    np.testing.assert_allclose(lenses[0], intrinsics, rtol=1e-9)


def test_half_turns_about_every_axis_have_quaternions():
    turns = torch.stack([torch.diag(torch.tensor(d)) for d in ([1.0, -1, -1], [-1.0, 1, -1], [-1.0, -1, 1])])
    quaternions = quaternions_of(turns)
    assert torch.allclose(quaternions.abs(), torch.eye(4)[:3])
    assert torch.allclose(_turns(quaternions), turns.double())


def test_the_real_number_is_never_negative():
    random = torch.randn(500, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    quaternions = quaternions_of(_turns(random))
    assert (quaternions[:, 3] >= 0).all()
    unit = random / random.norm(dim=1, keepdim=True)
    assert torch.allclose((quaternions * unit).sum(1).abs(), torch.ones(500, dtype=torch.float64))


def _turns(quaternions: torch.Tensor) -> torch.Tensor:
    return torch.from_numpy(Rotation.from_quat(quaternions.double().numpy()).as_matrix())


def _turn(axis: np.ndarray, angle: float) -> torch.Tensor:
    x, y, z = axis
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    return torch.from_numpy(np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * cross @ cross)
