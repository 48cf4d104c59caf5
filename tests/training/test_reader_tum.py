"""TUM's footage comes back from a folder in its layout, in the frames of the protocol."""

import numpy as np
import pytest
from filmed_scene import film
from reader_checks import check_missing, check_sequence
from scoring_folders import TUM_CAMERA, write_tum

from model_server.training.readers import reader_named
from model_server.training.readers.stamped_files import associated

SEQUENCES = ["rgbd_dataset_freiburg3_sitting_xyz", "rgbd_dataset_freiburg3_walking_rpy"]


def _filmed(seed):
    return film(4, 640, 480, TUM_CAMERA, seed)


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    root = tmp_path_factory.mktemp("tum")
    for seed, sequence in enumerate(SEQUENCES):
        write_tum(root, sequence, _filmed(seed))
    return root


def test_every_third_frame_that_has_a_pose_comes_back(written):
    reader = reader_named("tum", written)
    assert [sequence.frame_count for sequence in reader.sequences] == [4, 4]
    for seed, sequence in enumerate(SEQUENCES):
        check_sequence(reader, sequence, _filmed(seed), depth_step=1e-4 + 1e-6)


def test_no_more_than_90_frames_are_taken(tmp_path):
    write_tum(tmp_path, "long", film(95, 8, 6))
    assert reader_named("tum", tmp_path).sequences[0].frame_count == 90


def test_depth_of_another_time_is_not_taken(tmp_path):
    write_tum(tmp_path, "shot", film(3, 8, 6))
    lists = tmp_path / "shot/depth.txt"
    lists.write_text("\n".join(lists.read_text().splitlines()[2:]) + "\n")
    reader = reader_named("tum", tmp_path)
    assert not reader.frame("shot", 0).depth.any()
    assert reader.frame("shot", 1).depth.all()


@pytest.mark.parametrize("what", ["rgb.txt", "depth.txt", "groundtruth.txt", "rgb/1000.000000.png"])
def test_a_missing_file_is_named(tmp_path, what):
    for sequence in ("one", "two"):
        write_tum(tmp_path, sequence, film(2, 8, 6))
    check_missing("tum", tmp_path, f"two/{what}")


def test_times_are_paired_closest_first_and_once():
    first, second = np.array([0.0, 0.01, 0.1, 0.2]), np.array([0.004, 0.008, 0.119, 0.221])
    assert associated(first, second) == [(0, 0), (1, 1), (2, 2)]
    rng = np.random.default_rng(3)
    first, second = np.sort(rng.uniform(0, 2, 80)), np.sort(rng.uniform(0, 2, 70))
    left, right, pairs = set(range(80)), set(range(70)), []
    while left and right:  # the slow twin: again and again the closest two that are left
        apart, i, j = min((abs(first[i] - second[j]), i, j) for i in left for j in right)
        if apart >= 0.02:
            break
        pairs.append((i, j))
        left.remove(i)
        right.remove(j)
    assert associated(first, second) == sorted(pairs)
