"""What holds for datasets of any name: wrong names, wrong folders, files that are no images."""

import numpy as np
import pytest
from filmed_scene import film
from scoring_folders import write_png, write_sintel

from model_server.errors import BadInput
from model_server.training.readers import reader_named, reader_names
from model_server.training.readers.reader import FrameTruth, clip_of_frames


def test_a_name_that_is_none_is_answered_with_those_that_are(tmp_path):
    with pytest.raises(BadInput, match="no dataset 'imagenet'") as caught:
        reader_named("imagenet", tmp_path)
    assert all(name in caught.value.hint for name in reader_names())


@pytest.mark.parametrize("name", reader_names())
def test_a_folder_that_is_not_there_is_named(tmp_path, name):
    with pytest.raises(BadInput, match="nowhere"):
        reader_named(name, tmp_path / "nowhere")


@pytest.mark.parametrize("name", reader_names())
def test_an_empty_folder_holds_no_dataset_and_the_hint_says_how_one_looks(tmp_path, name):
    with pytest.raises(BadInput, match=r"there is no .* in ") as caught:
        reader_named(name, tmp_path)
    assert "layout" in caught.value.hint
    assert "\n" not in caught.value.message + caught.value.hint


@pytest.mark.parametrize("name", reader_names())
def test_a_reader_has_the_name_that_it_is_asked_for_by(name):
    from importlib import import_module

    from model_server.training import readers

    module, class_name = readers._READERS[name]
    assert getattr(import_module(f"model_server.training.readers.{module}"), class_name).name == name


@pytest.mark.parametrize("content", [b"", b"no image"])
def test_a_file_that_is_no_image_is_named(tmp_path, content):
    write_sintel(tmp_path, "alley_2", film(2))
    (tmp_path / "training/final/alley_2/frame_0001.png").write_bytes(content)
    with pytest.raises(BadInput, match=r"frame_0001\.png.*it is no image"):
        reader_named("sintel", tmp_path).frame("alley_2", 0)


def test_an_image_and_a_depth_of_two_sizes_are_refused(tmp_path):
    write_sintel(tmp_path, "alley_2", film(2))
    write_png(tmp_path / "training/final/alley_2/frame_0001.png", np.zeros((5, 7, 3), np.uint8))
    with pytest.raises(BadInput, match="it is 64 x 48, its image 7 x 5"):
        reader_named("sintel", tmp_path).frame("alley_2", 0)


def test_frames_of_two_sizes_are_no_clip():
    frames = [
        FrameTruth(np.zeros((h, 8, 3), np.uint8), np.zeros((h, 8), np.float32), np.eye(4), np.eye(3)) for h in (6, 7)
    ]
    with pytest.raises(BadInput, match="8x6, 8x7"):
        clip_of_frames(frames, "two sizes")
