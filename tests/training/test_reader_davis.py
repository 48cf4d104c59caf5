"""DAVIS comes back from a folder in its layout."""

import cv2
import numpy as np
import pytest
from filmed_scene import film
from reader_checks import check_missing
from scoring_folders import write_davis

from model_server.errors import BadInput
from model_server.training.readers import reader_named


def test_images_and_masks_come_back(tmp_path):
    write_davis(tmp_path, "camel", film(3, seed=1))
    write_davis(tmp_path, "dog", film(4, seed=2))
    reader = reader_named("davis", tmp_path)
    assert [(sequence.name, sequence.frame_count) for sequence in reader.sequences] == [("camel", 3), ("dog", 4)]
    for index, truth in enumerate(film(4, seed=2)):
        frame = reader.frame("dog", index)
        assert np.abs(frame.image.astype(int) - truth.image).mean() < 12  # colors of a jpeg are half as fine
        assert (frame.moving == truth.moving).all()
        assert not frame.depth.any()
        assert frame.camera_from_world is None


def test_every_object_of_a_colored_annotation_moves(tmp_path):
    """Those of 2017 are dark red, dark green and so on."""
    write_davis(tmp_path, "dog", film(1, 8, 6))
    colors = np.zeros((6, 8, 3), np.uint8)
    colors[0, 0], colors[1, 1], colors[2, 2] = (0, 0, 128), (0, 128, 0), (1, 0, 0)
    cv2.imwrite(str(tmp_path / "Annotations/480p/dog/00000.png"), colors)
    assert (reader_named("davis", tmp_path).frame("dog", 0).moving == colors.any(2)).all()


@pytest.mark.parametrize("path", ["JPEGImages/480p/dog", "Annotations/480p/dog/00001.png"])
def test_a_missing_file_is_named(tmp_path, path):
    write_davis(tmp_path, "camel", film(2, 8, 6))
    write_davis(tmp_path, "dog", film(3, 8, 6))
    check_missing("davis", tmp_path, path)


def test_a_mask_of_another_size_is_named(tmp_path):
    write_davis(tmp_path, "dog", film(1, 8, 6))
    cv2.imwrite(str(tmp_path / "Annotations/480p/dog/00000.png"), np.zeros((4, 4), np.uint8))
    with pytest.raises(BadInput, match="its size is not its image's"):
        reader_named("davis", tmp_path).frame("dog", 0)
