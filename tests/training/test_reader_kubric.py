"""Kubric's scenes come back from a folder in their layout."""

import json

import numpy as np
import pytest
from filmed_scene import film
from reader_checks import check_missing, check_sequence
from training_folders import write_kubric

from model_server.errors import BadInput
from model_server.training.readers import reader_named

CAMERA = np.array([[60.0, 0, 32], [0, 60, 24], [0, 0, 1]])  # MOVi's axis meets the middle; its pixels are square


@pytest.fixture
def root(tmp_path):
    write_kubric(tmp_path, "scene_0001", film(5, intrinsics=CAMERA, seed=1))
    write_kubric(tmp_path, "scene_0002", film(4, intrinsics=CAMERA, seed=2))
    return tmp_path


def test_frames_come_back_with_depth_along_the_axis(root):
    reader = reader_named("kubric", root)
    assert [sequence.frame_count for sequence in reader.sequences] == [5, 4]
    check_sequence(reader, "scene_0001", film(5, intrinsics=CAMERA, seed=1), depth_step=1e-5)
    check_sequence(reader, "scene_0002", film(4, intrinsics=CAMERA, seed=2), depth_step=1e-5)


@pytest.mark.parametrize("path", ["scene_0002/metadata.json", "scene_0001/depth_00003.tiff"])
def test_a_missing_file_is_named(root, path):
    check_missing("kubric", root, path)


@pytest.mark.parametrize(
    "camera",
    [
        {},
        {"positions": [[0, 0, 0]], "quaternions": [[1, 0, 0]], "field_of_view": 1},
        {"positions": [[0, 0, 0]], "quaternions": [[1, 0, 0, 0]], "field_of_view": 0},
    ],
)
def test_a_camera_that_is_none_is_named(root, camera):
    (root / "scene_0001/metadata.json").write_text(json.dumps({"camera": camera}))
    with pytest.raises(BadInput, match=r"scene_0001/metadata\.json"):
        reader_named("kubric", root).frame("scene_0001", 0)


def test_depth_that_is_no_floats_is_named(root):
    (root / "scene_0001/depth_00000.tiff").write_bytes((root / "scene_0001/rgba_00000.png").read_bytes())
    with pytest.raises(BadInput, match=r"depth_00000\.tiff"):
        reader_named("kubric", root).frame("scene_0001", 0)
