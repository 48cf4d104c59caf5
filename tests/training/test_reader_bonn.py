"""Bonn's footage comes back from a folder in its layout, in the frames of the protocol."""

import pytest
from filmed_scene import film
from reader_checks import check_missing, check_sequence
from scoring_folders import BONN_CAMERA, write_bonn

from model_server.errors import BadInput
from model_server.training.readers import reader_named

SEQUENCES = ["rgbd_bonn_balloon2", "rgbd_bonn_crowd3"]


def _filmed(seed):
    return film(4, 640, 480, BONN_CAMERA, seed)


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    root = tmp_path_factory.mktemp("bonn")
    for seed, sequence in enumerate(SEQUENCES):
        write_bonn(root, sequence, _filmed(seed))
    return root


def test_frames_from_the_thirtieth_on_come_back(written):
    reader = reader_named("bonn", written)
    assert [sequence.name for sequence in reader.sequences] == SEQUENCES
    for seed, sequence in enumerate(SEQUENCES):
        check_sequence(reader, sequence, _filmed(seed), depth_step=1e-4 + 1e-6)


def test_no_more_than_110_frames_are_taken(tmp_path):
    write_bonn(tmp_path, "rgbd_bonn_long", film(115, 8, 6))
    assert reader_named("bonn", tmp_path).sequences[0].frame_count == 110


def test_a_frame_without_a_pose_is_named(tmp_path):
    write_bonn(tmp_path, "rgbd_bonn_shot", film(3, 8, 6))
    poses = tmp_path / "rgbd_bonn_shot/groundtruth.txt"
    poses.write_text("\n".join(poses.read_text().splitlines()[:-2]) + "\n")
    with pytest.raises(BadInput, match=r"no pose is within 0\.02 s of rgb/2001\.06667\.png"):
        reader_named("bonn", tmp_path)


@pytest.mark.parametrize("what", ["rgb.txt", "depth.txt", "groundtruth.txt", "rgb", "rgb/2001.00000.png",
                                  "depth/2001.02433.png"])  # fmt: skip
def test_a_missing_file_is_named(tmp_path, what):
    for sequence in SEQUENCES:
        write_bonn(tmp_path, sequence, film(2, 8, 6))
    check_missing("bonn", tmp_path, f"{SEQUENCES[1]}/{what}")
