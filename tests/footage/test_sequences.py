"""Names of images become frame numbers."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model_server.errors import BadFootage, BadInput
from model_server.footage.selection import gap_notes, select
from model_server.footage.sequence import sequence_around, sequence_in
from model_server.settings import FrameRange


def _touch(folder: Path, *names: str) -> Path:
    for name in names:
        (folder / name).touch()
    return folder


def test_one_image_finds_its_siblings(tmp_path):
    _touch(tmp_path, "shot.1001.exr", "shot.1003.exr", "shot.1002.exr", "other.1004.exr", "shot.1004.png")
    found = sequence_around(tmp_path / "shot.1002.exr")
    assert (found.name, found.numbers) == ("shot", (1001, 1002, 1003))
    assert [f.name for f in found.files] == ["shot.1001.exr", "shot.1002.exr", "shot.1003.exr"]


def test_the_last_number_that_counts_is_the_frame(tmp_path):
    _touch(tmp_path, "sh010_v003_0001_2k.png", "sh010_v003_0002_2k.png", "sh020_v001_0001_2k.png")
    found = sequence_around(tmp_path / "sh010_v003_0001_2k.png")
    assert found.numbers == (1, 2)
    assert found.name == "sh010_v003"


def test_versions_of_one_frame_do_not_count_as_frames_where_frames_do(tmp_path):
    _touch(tmp_path, "a_v1.0001.png", "a_v1.0002.png", "a_v2.0001.png", "a_v2.0002.png")
    assert sequence_around(tmp_path / "a_v2.0002.png").numbers == (1, 2)


def test_padding_ends_where_numbers_grow_longer(tmp_path):
    _touch(tmp_path, "f.0999.png", "f.1000.png", "f.10000.png", "f.999.png", "f.01000.png")
    for start in ("f.0999.png", "f.1000.png"):
        assert sequence_around(tmp_path / start).numbers == (999, 1000, 10000)


def test_numbers_without_padding(tmp_path):
    _touch(tmp_path, *(f"img{i}.png" for i in (8, 9, 10, 100)))
    assert sequence_around(tmp_path / "img9.png").numbers == (8, 9, 10, 100)


def test_numbers_alone_are_named_after_their_folder(tmp_path):
    (tmp_path / "walk").mkdir()
    found = sequence_in(_touch(tmp_path / "walk", "00000.jpg", "00001.jpg"))
    assert (found.name, found.numbers) == ("walk", (0, 1))


def test_an_image_alone_is_one_frame(tmp_path):
    _touch(tmp_path, "photo.jpg", "take2.png")
    assert sequence_around(tmp_path / "photo.jpg").numbers == (1,)
    assert sequence_around(tmp_path / "take2.png").numbers == (2,)


@given(st.sets(st.integers(0, 20000), min_size=2, max_size=30), st.integers(1, 6), st.data())
def test_any_numbers_and_padding_come_back(tmp_path_factory, numbers, padding, data):
    folder = tmp_path_factory.mktemp("numbers")
    _touch(folder, *(f"v2 shot_{n:0{padding}d}.tif" for n in numbers))
    start = data.draw(st.sampled_from(sorted(numbers)))
    assert sequence_around(folder / f"v2 shot_{start:0{padding}d}.tif").numbers == tuple(sorted(numbers))


def test_a_folder_ignores_what_is_not_its_sequence(tmp_path):
    _touch(tmp_path, "p.01.png", "p.02.png", "._p.01.png", "Thumbs.db", "notes 3.txt", "still.jpg", ".hidden.0001.png")
    assert sequence_in(tmp_path).numbers == (1, 2)


def test_a_folder_of_two_sequences_asks_which(tmp_path):
    _touch(tmp_path, "a.1.png", "a.2.png", "b.1.exr", "b.2.exr", "b.3.exr")
    with pytest.raises(BadFootage, match=r"holds 2 sequences: a\.1\.png \(2 images\), b\.1\.exr \(3 images\)"):
        sequence_in(tmp_path)


def test_a_folder_without_images_says_so(tmp_path):
    with pytest.raises(BadFootage, match="holds no images"):
        sequence_in(_touch(tmp_path, "readme.txt"))


def test_a_range_keeps_the_footages_own_numbers():
    numbers = tuple(range(1001, 1021))
    assert select("x", numbers, FrameRange()) == numbers
    assert select("x", numbers, FrameRange(1005, 1008)) == (1005, 1006, 1007, 1008)
    assert select("x", numbers, FrameRange(1005, None, 7)) == (1005, 1012, 1019)
    assert select("x", numbers, FrameRange(1, 1002)) == (1001, 1002)


@pytest.mark.parametrize("frames", [FrameRange(1, 36), FrameRange(2000, None), FrameRange(None, 5)])
def test_an_empty_range_names_the_range_that_exists(frames):
    with pytest.raises(BadFootage, match="its frames are 1001-1020"):
        select("x", tuple(range(1001, 1021)), frames)


def test_gaps_stay_gaps_and_are_named():
    numbers = (1001, 1002, 1004, 1007)
    assert select("x", numbers, FrameRange()) == numbers
    assert gap_notes(numbers, FrameRange()) == ("3 frames missing: 1003, 1005, 1006",)
    assert gap_notes((1001, 1003, 1007), FrameRange(1001, None, 2)) == ("1 frame missing: 1005",)
    assert gap_notes((1, 2, 3), FrameRange()) == ()


def test_steps_below_one_are_refused():
    with pytest.raises(BadInput, match="step 0"):
        FrameRange(step=0)
