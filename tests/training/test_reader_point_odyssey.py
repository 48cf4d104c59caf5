"""PointOdyssey's footage comes back from a folder in its layout."""

import numpy as np
import pytest
from filmed_scene import film
from reader_checks import check_missing, check_sequence
from training_folders import write_point_odyssey

from model_server.errors import BadInput
from model_server.training.readers import reader_named

STEP = 1000 / 65535


@pytest.fixture
def root(tmp_path):
    write_point_odyssey(tmp_path, "ani", film(5, seed=1))
    write_point_odyssey(tmp_path, "dancing", film(4, seed=2))
    return tmp_path


def test_frames_come_back_with_their_truth(root):
    reader = reader_named("point_odyssey", root)
    assert [sequence.frame_count for sequence in reader.sequences] == [5, 4]
    check_sequence(reader, "ani", film(5, seed=1), depth_step=STEP / 2 + 1e-5, image_step=6)
    check_sequence(reader, "dancing", film(4, seed=2), depth_step=STEP / 2 + 1e-5, image_step=6)


def test_what_is_as_far_as_the_file_can_say_is_not_known(root):
    assert reader_named("point_odyssey", root).frame("ani", 0).depth[0, 0] == 0


@pytest.mark.parametrize("path", ["dancing/anno.npz", "ani/depths/depth_00003.png", "ani/rgbs"])
def test_a_missing_file_is_named(root, path):
    check_missing("point_odyssey", root, path)


def test_cameras_that_are_too_few_or_missing_are_named(root):
    cameras = np.load(root / "ani/anno.npz")
    np.savez(root / "ani/anno.npz", intrinsics=cameras["intrinsics"][:3], extrinsics=cameras["extrinsics"][:3])
    reader = reader_named("point_odyssey", root)
    reader.frame("ani", 2)
    with pytest.raises(BadInput, match="none for frame 00003"):
        reader.frame("ani", 3)
    np.savez(root / "ani/anno.npz", intrinsics=cameras["intrinsics"])
    with pytest.raises(BadInput, match=r"anno\.npz.* with intrinsics, extrinsics"):
        reader_named("point_odyssey", root).frame("ani", 0)
