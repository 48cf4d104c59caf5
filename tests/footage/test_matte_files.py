"""The artist's mattes come in as they were meant, and what can't be one is said in a line."""

from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import OpenImageIO as oiio
import pytest
from shared_footage import shared

from model_server.errors import BadInput
from model_server.footage.clip import ClipInfo
from model_server.footage.open_mattes import open_mattes

WIDTH, HEIGHT, FIRST = 64, 48, 1001
HOSTILE = ("crash-0c7e*.tif", "oom-2258*.tif", "negative_size.ppm", "broken_data_stream.png", "seek_too_large.tif")


def _info(frames=3):
    numbers = tuple(range(FIRST, FIRST + frames))
    return ClipInfo("shot", (Path("shot.mov"),), WIDTH, HEIGHT, 1.0, Fraction(24), numbers)


def _square(side=16, width=WIDTH, height=HEIGHT):
    matte = np.zeros((height, width), np.uint8)
    middle_x, middle_y, half = width // 2, height // 2, side // 2
    matte[middle_y - half : middle_y + half, middle_x - half : middle_x + half] = 255
    return matte


def _write(folder, matte, numbers=range(FIRST, FIRST + 3), suffix=".png"):
    folder.mkdir()
    for number in numbers:
        assert cv2.imwrite(str(folder / f"roto.{number}{suffix}"), matte)
    return folder


def _open(folder, invert=False, dilate_px=0):
    return open_mattes("Actor", folder, _info(), invert, dilate_px)


@pytest.mark.parametrize("suffix", [".png", ".tif", ".bmp"])
def test_a_matte_of_the_footages_size_comes_in_unchanged(tmp_path, suffix):
    soft = cv2.GaussianBlur(_square(), (0, 0), 2.0)
    mattes, notes = _open(_write(tmp_path / "roto", soft, suffix=suffix))
    for index in range(3):
        assert np.array_equal(mattes.frame(index), soft)
    assert notes == ()


def test_half_covered_is_half_in_every_format(tmp_path):
    """A linear format holds coverage, not light: no curve may bend it."""
    folder = tmp_path / "roto"
    folder.mkdir()
    for number in range(FIRST, FIRST + 3):
        output = oiio.ImageOutput.create(str(folder / f"roto.{number}.exr"))
        output.open(str(folder / f"roto.{number}.exr"), oiio.ImageSpec(WIDTH, HEIGHT, 3, "half"))
        output.write_image(np.full((HEIGHT, WIDTH, 3), 0.5, np.float32))
        output.close()
    mattes, _ = _open(folder)
    assert (np.abs(mattes.frame(0).astype(int) - 128) <= 1).all()


def test_any_of_the_three_colors_counts_as_white(tmp_path):
    red = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    red[..., 2] = _square()
    mattes, _ = _open(_write(tmp_path / "roto", red))
    assert np.array_equal(mattes.frame(0), _square())


@pytest.mark.parametrize("factor", [0.5, 2, 3])
def test_a_matte_of_another_size_is_brought_to_the_footages(tmp_path, factor):
    other = _square(int(16 * factor), int(WIDTH * factor), int(HEIGHT * factor))
    mattes, _ = _open(_write(tmp_path / "roto", other))
    matte = mattes.frame(0)
    assert matte.shape == (HEIGHT, WIDTH)
    wrong = (matte > 127) != (_square() > 127)
    assert wrong.sum() <= 4  # corners


def test_inverted_black_is_the_thing(tmp_path):
    mattes, _ = _open(_write(tmp_path / "roto", 255 - _square()), invert=True)
    assert np.array_equal(mattes.frame(0), _square())


@pytest.mark.parametrize("radius", [1, 5, 13])
def test_white_grows_by_as_many_pixels_as_asked(tmp_path, radius):
    dot = np.zeros((HEIGHT, WIDTH), np.uint8)
    dot[24, 32] = 255
    mattes, _ = _open(_write(tmp_path / "roto", dot), dilate_px=radius)
    y, x = np.nonzero(mattes.frame(0) > 127)
    distance = np.hypot(x - 32, y - 24)
    assert distance.max() == pytest.approx(radius, abs=0.75)  # digital disks are round to a pixel
    assert len(x) == pytest.approx(np.pi * (radius + 0.5) ** 2, rel=0.25, abs=3)


def test_a_soft_edge_moves_out_and_stays_soft(tmp_path):
    soft = cv2.GaussianBlur(_square(), (0, 0), 2.0)
    mattes, _ = _open(_write(tmp_path / "roto", soft), dilate_px=4)
    before, after = soft[24], mattes.frame(0)[24]
    assert np.array_equal(after[:20], before[4:24])


def test_frames_without_a_matte_are_named_and_have_none(tmp_path):
    mattes, notes = _open(_write(tmp_path / "roto", _square(), [1001, 1003, 1200]), invert=True)
    assert notes == ("1 frame has no matte of 'Actor': 1002",)
    assert mattes.frame(1) is None
    assert mattes.frame(2) is not None


def test_mattes_that_show_nothing_are_named(tmp_path):
    _, notes = _open(_write(tmp_path / "roto", np.zeros((HEIGHT, WIDTH), np.uint8)))
    assert "show nothing" in notes[0]


def test_one_image_of_the_sequence_names_it_where_a_folder_holds_several(tmp_path):
    folder = _write(tmp_path / "roto", _square())
    for number in range(FIRST, FIRST + 3):
        cv2.imwrite(str(folder / f"depth.{number}.png"), 255 - _square())
    with pytest.raises(BadInput, match="2 sequences"):
        _open(folder)
    assert np.array_equal(_open(folder / "roto.1002.png")[0].frame(0), _square())


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda folder: None, "no mattes of 'Actor'"),
        (lambda folder: folder.mkdir(), "holds no images"),
        (lambda folder: _write(folder, _square(), range(1, 4)), "1-3, the footage's frames are 1001-1003"),
        (lambda folder: _write(folder, _square(16, 48, 48)), "48 x 48 pixels, which is not the shape"),
        (lambda folder: _truncated(folder), "roto.1002.png"),
        (lambda folder: _not_an_image(folder), "roto.1002.png"),
    ],
    ids=["nothing", "empty", "other numbers", "another shape", "truncated", "not an image"],
)
def test_what_can_not_be_a_matte_is_one_clear_line(tmp_path, make, words):
    folder = tmp_path / "roto"
    make(folder)
    with pytest.raises(BadInput) as raised:
        _open(folder)
    assert words in raised.value.message
    assert "\n" not in raised.value.message
    assert raised.value.hint


def test_hostile_images_are_refused_by_name(tmp_path):
    """Images that crashed decoders, ask for all memory there is, or end too early."""
    folder = shared("footage/images_hostile")
    for name in HOSTILE:
        (file,) = folder.glob(name)
        mattes = tmp_path / file.stem
        mattes.mkdir()
        (mattes / f"roto.{FIRST}{file.suffix}").write_bytes(file.read_bytes())
        with pytest.raises(BadInput, match=f"roto.{FIRST}|{file.stem}") as raised:
            _open(mattes)
        assert "\n" not in raised.value.message


def _truncated(folder):
    noise = np.random.default_rng(0).integers(0, 2, (HEIGHT, WIDTH), np.uint8) * 255
    file = _write(folder, noise) / "roto.1002.png"
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])


def _not_an_image(folder):
    (_write(folder, _square()) / "roto.1002.png").write_text("#include </etc/passwd>")
