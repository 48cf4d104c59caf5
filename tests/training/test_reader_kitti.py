"""KITTI's validation drives come back from folders in its layouts."""

import numpy as np
import pytest
from filmed_scene import film
from reader_checks import check_missing
from scoring_folders import write_kitti

from model_server.errors import BadInput
from model_server.training.readers import reader_named
from model_server.training.readers.reader import read_clip

DRIVES = ["2011_09_26_drive_0002_sync", "2011_10_03_drive_0047_sync"]


@pytest.mark.parametrize("images", ["raw/{date}/{drive}", "raw/{drive}", "{date}/{drive}"])
def test_images_and_depth_come_back(tmp_path, images):
    for seed, drive in enumerate(DRIVES):
        write_kitti(tmp_path, drive, film(4, seed=seed), images)
    reader = reader_named("kitti", tmp_path)
    assert [sequence.name for sequence in reader.sequences] == DRIVES
    for seed, drive in enumerate(DRIVES):
        for index, truth in enumerate(film(4, seed=seed)):
            frame = reader.frame(drive, index)
            known = frame.depth > 0
            assert (frame.image == truth.image).all()
            assert known.mean() == pytest.approx(1 / 3, abs=0.01)
            assert np.abs(frame.depth - truth.depth)[known].max() <= 0.5 / 256 + 1e-6


def test_no_more_than_110_frames_are_taken(tmp_path):
    write_kitti(tmp_path, DRIVES[0], film(112, 8, 6))
    assert reader_named("kitti", tmp_path).sequences[0].frame_count == 110


def test_there_is_no_clip_without_cameras(tmp_path):
    write_kitti(tmp_path, DRIVES[0], film(2, 8, 6))
    with pytest.raises(BadInput, match="has no cameras"):
        read_clip(reader_named("kitti", tmp_path), DRIVES[0], [0, 1])


@pytest.mark.parametrize(
    "path", ["val/{}/proj_depth/groundtruth/image_02", "raw/{date}/{}/image_02/data/0000000006.png",
             "raw/{date}/{}/image_02/data"]
)  # fmt: skip
def test_a_missing_file_is_named(tmp_path, path):
    for drive in DRIVES:
        write_kitti(tmp_path, drive, film(3, 8, 6))
    check_missing("kitti", tmp_path, path.format(DRIVES[1], date=DRIVES[1][:10]))
