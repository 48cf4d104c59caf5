"""CO3D's views come back from a folder in its layout."""

import pytest
from filmed_scene import film
from reader_checks import check_missing, check_sequence
from training_folders import write_co3d

from model_server.training.readers import reader_named


def _write(root, form="ndc_isotropic"):
    write_co3d(root, "apple", {"110_13051_23361": film(4, seed=1), "189_20393_38136": film(5, seed=2)}, form)
    write_co3d(root, "tv", {"48_2742_8095": film(4, 48, 64, seed=3)}, form)


@pytest.mark.parametrize("form", ["ndc_isotropic", "ndc_norm_image_bounds"])
def test_views_come_back_with_their_truth(tmp_path, form):
    _write(tmp_path, form)
    reader = reader_named("co3d", tmp_path)
    assert [(sequence.name, sequence.frame_count) for sequence in reader.sequences] == [
        ("apple/110_13051_23361", 4),
        ("apple/189_20393_38136", 5),
        ("tv/48_2742_8095", 4),
    ]
    for name, filmed in [
        ("apple/110_13051_23361", film(4, seed=1)),
        ("apple/189_20393_38136", film(5, seed=2)),
        ("tv/48_2742_8095", film(4, 48, 64, seed=3)),
    ]:
        check_sequence(reader, name, filmed, relative_depth=2**-11, image_step=6)


def test_depth_is_unknown_where_its_mask_is_black(tmp_path):
    _write(tmp_path)
    frame = reader_named("co3d", tmp_path).frame("apple/110_13051_23361", 0)
    assert not frame.depth[0].any()
    assert frame.depth[1:].all()
    assert not frame.moving.any()


@pytest.mark.parametrize(
    "path", ["tv/frame_annotations.jgz", "apple/189_20393_38136/images/frame000002.jpg",
             "apple/189_20393_38136/depths/frame000002.jpg.geometric.png",
             "apple/189_20393_38136/depth_masks/frame000002.png"]
)  # fmt: skip
def test_a_missing_file_is_named(tmp_path, path):
    _write(tmp_path)
    check_missing("co3d", tmp_path, path)
