"""Image files of every kind give the picture that was put into them."""

from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import OpenImageIO as oiio
import pytest
from footage.made import corners, opened, write_image
from shared_footage import shared
from tolerances import FOOTAGE_JPEG_LEVELS, FOOTAGE_LEVELS

from model_server.errors import BadFootage
from model_server.footage.images import read_header, read_picture

# sRGB of some scene-linear values, from the formula of IEC 61966-2-1.
LINEAR = np.array([0.0, 0.001, 0.18, 0.5, 1.0])
SRGB = np.array([0, 3, 118, 188, 255])


def _patches(values: np.ndarray, dtype: type = np.float32) -> np.ndarray:
    """(4, 2N, 3): every value in a patch of its own."""
    return np.repeat(np.repeat(np.array(values, dtype)[None, :, None], 2, 1), 3, 2).repeat(4, 0)


def _shown(path: Path) -> np.ndarray:
    return read_picture(path)[1, ::2].astype(int)


@pytest.mark.parametrize(
    ("name", "kind"), [("a.exr", "half"), ("a.exr", "float"), ("a.tif", "float"), ("a.hdr", "float")]
)
def test_floats_are_scene_light(tmp_path, name, kind):
    shown = _shown(write_image(tmp_path / name, _patches(LINEAR), kind))
    assert np.abs(shown - SRGB[:, None]).max() <= FOOTAGE_LEVELS


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        *[("a.png", "uint8"), ("a.png", "uint16"), ("a.tif", "uint8"), ("a.tif", "uint16"), ("a.tga", "uint8")],
        *[("a.bmp", "uint8"), ("a.dpx", "uint10"), ("a.dpx", "uint16"), ("a.ppm", "uint8"), ("a.webp", "uint8")],
    ],
)
def test_integers_are_made_for_a_display(tmp_path, name, kind):
    values = np.array([0, 0.2, 0.5, 0.75, 1.0])
    shown = _shown(write_image(tmp_path / name, _patches(values), kind))
    assert np.abs(shown - np.round(values * 255)[:, None]).max() <= FOOTAGE_LEVELS


def test_dpx_that_says_linear_or_log_is_believed(tmp_path):
    linear = write_image(tmp_path / "lin.dpx", _patches(LINEAR), "uint16", oiio__ColorSpace="lin_rec709_scene")
    assert np.abs(_shown(linear) - SRGB[:, None]).max() <= FOOTAGE_LEVELS
    codes = np.array([95, 445, 685]) / 1023  # Cineon's black, aim gray and white
    expected = np.array([0, 108, 255])  # gray: (10^-0.8 - 10^-1.967) / (1 - 10^-1.967) = 14.9 % light
    for name, attribute in (
        ("log.dpx", {"oiio__ColorSpace": "KodakLog"}),
        ("d.dpx", {"dpx__Transfer": "Printing density"}),
    ):
        log = write_image(tmp_path / name, _patches(codes), "uint16", **attribute)
        assert np.abs(_shown(log) - expected[:, None]).max() <= 2 * FOOTAGE_LEVELS


def test_the_picture_of_an_exr_is_its_display_window(tmp_path):
    white = np.ones((10, 20, 3), np.float32)
    inside = read_picture(write_image(tmp_path / "in.exr", white, "half", window=(5, 3, 40, 30)))
    assert inside.shape == (30, 40, 3)
    assert (inside[3:13, 5:25] == 255).all()
    assert inside.sum() == 255 * 3 * 200
    outside = read_picture(write_image(tmp_path / "out.exr", white, "half", window=(-4, -2, 12, 6)))
    assert outside.shape == (6, 12, 3)
    assert (outside == 255).all()


def test_broken_floats_do_not_spread(tmp_path):
    pixels = _patches(np.array([np.nan, np.inf, -np.inf, -3.0, 7.0]))
    assert (_shown(write_image(tmp_path / "a.exr", pixels, "float"))[:, 0] == [0, 255, 0, 0, 255]).all()


def test_alpha_is_mixed_with_black(tmp_path):
    straight = np.zeros((4, 4, 4), np.float32)
    straight[...] = (0.8, 0.4, 0.2, 0.5)
    for name, kind in (("a.png", "uint8"), ("a.png", "uint16"), ("a.tif", "uint16"), ("a.tga", "uint8")):
        path = write_image(tmp_path / name, straight, kind, oiio__UnassociatedAlpha=1)
        assert np.abs(read_picture(path)[0, 0].astype(int) - (102, 51, 25.5)).max() <= FOOTAGE_LEVELS, name
    associated = write_image(tmp_path / "a.exr", straight, "half")  # an exr's color is light that is there already
    expected = read_picture(write_image(tmp_path / "b.exr", straight[..., :3], "half"))
    assert (read_picture(associated) == expected).all()


def test_gray_and_palette_and_cmyk(tmp_path):
    gray = np.full((4, 4, 1), 0.18, np.float32)
    assert (
        np.abs(read_picture(write_image(tmp_path / "y.exr", gray, "half", names=("Y",))).astype(int) - 118).max() <= 1
    )
    assert (read_picture(write_image(tmp_path / "y.png", np.full((4, 4, 1), 70, np.uint8))) == 70).all()
    one_bit = shared("footage/images_hostile/1_trns.png")
    assert read_picture(one_bit).shape == (64, 64, 3)
    cmyk = read_picture(shared("footage/images_hostile/pil_sample_cmyk.jpg")).astype(int)
    by_opencv = cv2.imread(str(shared("footage/images_hostile/pil_sample_cmyk.jpg")))[..., ::-1].astype(int)
    assert np.abs(cmyk - by_opencv).mean() < FOOTAGE_JPEG_LEVELS
    palette = shared("footage/images_hostile/exotic/scribble_P_RGB.bmp")
    assert (read_picture(palette) == cv2.imread(str(palette))[..., ::-1]).all()


def test_the_first_part_with_color_is_the_picture(tmp_path):
    specs = [oiio.ImageSpec(8, 6, 1, "float"), oiio.ImageSpec(8, 6, 3, "half")]
    specs[0].channelnames, specs[1].channelnames = ("Z",), ("R", "G", "B")
    for i, spec in enumerate(specs):
        spec.attribute("oiio:subimagename", f"part{i}")
    output = oiio.ImageOutput.create(str(tmp_path / "multi.exr"))
    assert output.open(str(tmp_path / "multi.exr"), specs)
    output.write_image(np.full((6, 8, 1), 5.0, np.float32))
    output.open(str(tmp_path / "multi.exr"), specs[1], "AppendSubimage")
    output.write_image(np.full((6, 8, 3), (0.18, 0.5, 1.0), np.float32))
    output.close()
    assert np.abs(read_picture(tmp_path / "multi.exr")[0, 0].astype(int) - (118, 188, 255)).max() <= FOOTAGE_LEVELS


def test_layers_beside_the_color_do_not_matter(tmp_path):
    pixels = np.zeros((4, 4, 5), np.float32)
    pixels[...] = (9.0, 0.18, 0.5, 1.0, 7.0)
    path = write_image(
        tmp_path / "l.exr", pixels, "half", names=("depth.Z", "beauty.R", "beauty.G", "beauty.B", "id.X")
    )
    assert np.abs(read_picture(path)[0, 0].astype(int) - (118, 188, 255)).max() <= FOOTAGE_LEVELS


@pytest.mark.parametrize("orientation", range(1, 9))
def test_pictures_stand_upright(tmp_path, orientation):
    upright = corners()
    stored = {
        1: upright,
        2: upright[:, ::-1],
        3: upright[::-1, ::-1],
        4: upright[::-1],
        5: upright.transpose(1, 0, 2),
        6: np.rot90(upright),
        7: upright[::-1, ::-1].transpose(1, 0, 2),
        8: np.rot90(upright, -1),
    }[orientation]
    path = write_image(tmp_path / "o.tif", stored, Orientation=orientation, PixelAspectRatio=2.0)
    assert (read_picture(path) == upright).all()
    header = read_header(path)
    assert (header.width, header.height) == (48, 32)
    assert header.pixel_aspect == pytest.approx(0.5 if orientation > 4 else 2.0)


@pytest.mark.parametrize("family", ["Landscape", "Portrait"])
def test_the_eight_exif_orientations_show_one_picture(family):
    folder = shared("footage/exif_orientation")
    first = read_picture(folder / f"{family}_1.jpg")
    for i in range(2, 9):
        other = read_picture(folder / f"{family}_{i}.jpg")
        assert other.shape == first.shape
        assert np.abs(other.astype(int) - first).mean() < FOOTAGE_JPEG_LEVELS, i


def test_the_exr_sequence_is_read_at_its_display_size():
    clip = opened(shared("footage/exr_seq/singlepart.0001.exr"))
    assert (clip.info.width, clip.info.height, clip.info.frame_numbers) == (2048, 1556, (1, 2, 3, 4))
    first, last = clip.frame(0), clip.frame(3)
    assert first[245 + 400, 654 + 400].max() > 0
    assert (first[:200] == 0).all()
    columns = [np.flatnonzero(p.max(axis=(0, 2)))[0] for p in (first, last)]
    assert columns[1] - columns[0] == 968 - 654  # the data windows' left edges: the ball rolls to the right


def test_images_of_another_size_are_named(tmp_path):
    for i, width in enumerate((16, 16, 20, 24), start=1001):
        write_image(tmp_path / f"s.{i}.png", np.zeros((8, width, 3), np.uint8))
    with pytest.raises(BadFootage, match=r"'s\.1003\.png' is 20 x 8 pixels, 's\.1001\.png' 16 x 8"):
        opened(tmp_path)


def test_frames_per_second_come_from_the_artist_then_the_file_then_are_assumed(tmp_path):
    for i in (1, 2):
        write_image(tmp_path / f"m.{i}.exr", np.zeros((4, 4, 3), np.float32), "half", FramesPerSecond=(24000, 1001))
        write_image(tmp_path / f"n.{i}.png", np.zeros((4, 4, 3), np.uint8))
    assert opened(tmp_path / "m.1.exr").info.fps == Fraction(24000, 1001)
    assert opened(tmp_path / "m.1.exr", fps=Fraction(30)).info.fps == 30
    plain = opened(tmp_path / "n.1.png").info
    assert plain.fps == 24
    assert "frames per second not known: 24 assumed" in plain.notes


def test_a_gap_is_kept_and_noted(tmp_path):
    for i in (1001, 1002, 1004):
        write_image(tmp_path / f"shot.{i}.png", np.full((4, 4, 3), i - 1000, np.uint8))
    clip = opened(tmp_path)
    assert clip.info.frame_numbers == (1001, 1002, 1004)
    assert clip.info.notes[0] == "1 frame missing: 1003"
    assert clip.frame(2)[0, 0, 0] == 4


def test_times_in_names_give_the_order_and_frames_count_from_one(tmp_path):
    for i, time in enumerate((1403715273262142976, 1403715273312143104, 1403715273362142976)):
        write_image(tmp_path / f"{time}.png", np.full((4, 4, 3), i, np.uint8))
    clip = opened(tmp_path)
    assert clip.info.frame_numbers == (1, 2, 3)
    assert [clip.frame(i)[0, 0, 0] for i in range(3)] == [0, 1, 2]
    assert "counted from 1" in clip.info.notes[0]


@pytest.mark.parametrize("name", ["truncated_third.jpg", "truncated_half.png", "bomb_30000x30000_gray8.png"])
def test_damaged_images_are_refused_by_name(name):
    with pytest.raises(BadFootage, match=name.partition(".")[0]):
        opened(shared(f"footage/images_hostile/derived/{name}"))


def test_deep_images_are_refused(tmp_path):
    spec = oiio.ImageSpec(4, 4, 2, "float")
    spec.deep, spec.channelnames = True, ("Z", "A")
    output = oiio.ImageOutput.create(str(tmp_path / "deep.exr"))
    assert output.open(str(tmp_path / "deep.exr"), spec)
    data = oiio.DeepData()
    data.init(spec)
    output.write_deep_image(data)
    output.close()
    with pytest.raises(BadFootage, match="deep"):
        read_picture(tmp_path / "deep.exr")
