"""Spring's footage comes back from a folder in its layout, both eyes."""

import sys

import numpy as np
import pytest
from filmed_scene import film
from reader_checks import check_missing, check_sequence
from training_folders import write_spring

from model_server.errors import BadInput
from model_server.training.readers import reader_named


@pytest.fixture
def root(tmp_path):
    write_spring(tmp_path, "0001", film(5, seed=1), film(5, seed=1, eye=0.065))
    write_spring(tmp_path, "0002", film(4, seed=2), [])
    return tmp_path


def test_each_eye_comes_back_with_its_truth(root):
    reader = reader_named("spring", root)
    assert [sequence.name for sequence in reader.sequences] == ["0001_left", "0001_right", "0002_left"]
    check_sequence(reader, "0001_left", film(5, seed=1), depth_step=1e-5)
    check_sequence(reader, "0001_right", film(5, seed=1, eye=0.065), depth_step=1e-5)
    check_sequence(reader, "0002_left", film(4, seed=2), depth_step=1e-5)


def test_the_right_eye_is_to_the_right_of_the_left(root):
    reader = reader_named("spring", root)
    left, right = reader.frame("0001_left", 2), reader.frame("0001_right", 2)
    left_from_right = left.camera_from_world @ np.linalg.inv(right.camera_from_world)
    np.testing.assert_allclose(left_from_right[:3, 3], [0.065, 0, 0], atol=1e-6)


def test_depth_is_unknown_where_there_is_no_disparity(root):
    depth = reader_named("spring", root).frame("0001_left", 0).depth
    assert (depth == 0).sum() == 2
    assert not depth[0, :2].any()


@pytest.mark.parametrize("path", ["0001/disp1_left/disp1_left_0002.dsp5", "0001/disp1_right", "0002/frame_left",
                                  "0002/cam_data/intrinsics.txt", "0002/cam_data/extrinsics.txt"])  # fmt: skip
def test_a_missing_file_is_named(root, path):
    check_missing("spring", root, path)


def test_a_file_that_is_no_hdf5_is_named(root):
    (root / "0001/disp1_left/disp1_left_0001.dsp5").write_bytes(b"disparity")
    with pytest.raises(BadInput, match=r"disp1_left_0001\.dsp5.*no HDF5 file"):
        reader_named("spring", root).frame("0001_left", 0)


def test_without_h5py_it_is_said_what_to_install(root, monkeypatch):
    monkeypatch.setitem(sys.modules, "h5py", None)
    with pytest.raises(BadInput, match="without h5py"):
        reader_named("spring", root).frame("0001_left", 0)
