"""DyCheck's footage comes back from a folder in its layout."""

import numpy as np
import pytest
from filmed_scene import film
from reader_checks import check_missing, check_sequence
from scoring_folders import write_dycheck

from model_server.errors import BadInput
from model_server.training.readers import reader_named


@pytest.fixture
def root(tmp_path):
    write_dycheck(tmp_path, "apple", film(5, 48, 64, seed=1))
    write_dycheck(tmp_path, "spin", film(4, 48, 64, seed=2))
    return tmp_path


def test_frames_of_the_moving_camera_come_back(root):
    reader = reader_named("dycheck", root)
    assert [sequence.frame_count for sequence in reader.sequences] == [5, 4]
    check_sequence(reader, "apple", film(5, 48, 64, seed=1))
    check_sequence(reader, "spin", film(4, 48, 64, seed=2))


@pytest.mark.parametrize(
    "path", ["spin/depth/1x/0_00001.npy", "spin/camera/0_00002.json", "spin/camera", "spin/rgb/1x"]
)
def test_a_missing_file_is_named(root, path):
    check_missing("dycheck", root, path)


def test_depth_that_needs_pickle_is_refused(root):
    np.save(root / "apple/depth/1x/0_00000.npy", np.array([{"depth": 1}]), allow_pickle=True)
    with pytest.raises(BadInput, match=r"0_00000\.npy"):
        reader_named("dycheck", root).frame("apple", 0)


@pytest.mark.parametrize("content", ["[]", "{}", "no json", '{"orientation": [1], "position": [0, 0, 0]}'])
def test_a_camera_that_is_none_is_named(root, content):
    (root / "apple/camera/0_00000.json").write_text(content)
    with pytest.raises(BadInput, match=r"camera/0_00000\.json"):
        reader_named("dycheck", root).frame("apple", 0)
