"""Sintel's footage comes back from a folder in its layout."""

import numpy as np
import pytest
from filmed_scene import film
from reader_checks import check_missing, check_sequence
from scoring_folders import write_sintel

from model_server.errors import BadInput
from model_server.training.readers import reader_named
from model_server.training.readers.reader import SequenceInfo, read_clip


@pytest.fixture
def root(tmp_path):
    write_sintel(tmp_path, "alley_2", film(5, seed=1))
    write_sintel(tmp_path, "market_5", film(4, seed=2))
    return tmp_path


def test_frames_come_back_with_their_truth(root):
    reader = reader_named("sintel", root)
    assert reader.sequences == (SequenceInfo("alley_2", 5), SequenceInfo("market_5", 4))
    check_sequence(reader, "alley_2", film(5, seed=1))
    check_sequence(reader, "market_5", film(4, seed=2))


def test_moving_is_known_where_a_mask_was_written(root):
    reader, filmed = reader_named("sintel", root), film(5, seed=1)
    for index in range(4):
        assert (reader.frame("alley_2", index).moving == filmed[index].moving).all()
    assert reader.frame("alley_2", 4).moving is None
    assert read_clip(reader, "alley_2", [0, 1]).moving is not None
    assert read_clip(reader, "alley_2", [3, 4]).moving is None


def test_a_clip_holds_the_frames_that_were_asked_for(root):
    reader, filmed = reader_named("sintel", root), film(5, seed=1)
    clip = read_clip(reader, "alley_2", [3, 1])
    assert clip.images.shape == (2, 3, 48, 64)
    assert clip.name == "sintel alley_2"
    np.testing.assert_allclose(clip.images[1].permute(1, 2, 0).numpy() * 255, filmed[1].image, atol=1e-3)
    np.testing.assert_allclose(clip.depth[0], filmed[3].depth, rtol=1e-6)
    assert bool(clip.valid.all())


@pytest.mark.parametrize(
    "path", ["training/depth/alley_2/frame_0002.dpt", "training/camdata_left/market_5/frame_0001.cam",
             "training/depth/market_5"]
)  # fmt: skip
def test_a_missing_file_is_named(root, path):
    check_missing("sintel", root, path)


@pytest.mark.parametrize("kind", ["depth/alley_2/frame_0001.dpt", "camdata_left/alley_2/frame_0001.cam"])
def test_a_file_cut_off_is_named(root, kind):
    path = root / "training" / kind
    path.write_bytes(path.read_bytes()[:-7])
    with pytest.raises(BadInput, match=path.name):
        reader_named("sintel", root).frame("alley_2", 0)
