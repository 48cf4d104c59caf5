"""Waymo's drives come back from a folder as DUSt3R's script leaves it."""

import pytest
from filmed_scene import film
from reader_checks import check_missing, check_sequence
from training_folders import write_waymo

from model_server.training.readers import reader_named

SEGMENTS = ["segment-10017090168044687777_6380_000_6400_000", "segment-10023947602400723454_1120_000_1140_000"]


@pytest.fixture
def root(tmp_path):
    for seed, segment in enumerate(SEGMENTS):
        write_waymo(tmp_path, segment, film(4 + seed, seed=seed))
    return tmp_path


def test_the_front_camera_comes_back_with_its_sparse_depth(root):
    reader = reader_named("waymo", root)
    assert [sequence.frame_count for sequence in reader.sequences] == [4, 5]
    for seed, sequence in enumerate(reader.sequences):
        check_sequence(reader, sequence.name, film(4 + seed, seed=seed), image_step=6, least_known=0.35)


@pytest.mark.parametrize("name", ["00002_1.exr", "00002_1.npz"])
def test_a_missing_file_is_named(root, name):
    check_missing("waymo", root, f"{SEGMENTS[1]}.tfrecord/{name}")


def test_a_segment_without_images_is_named(root):
    folder = root / f"{SEGMENTS[0]}.tfrecord"
    for path in folder.glob("*_1.jpg"):
        path.unlink()
    (folder / "00000_1.jpg").write_bytes(b"")
    check_missing("waymo", root, f"{SEGMENTS[0]}.tfrecord/00000_1.exr")
