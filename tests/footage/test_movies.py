"""Movies of every kind give the pictures that were put into them, in any order they are asked for."""

from collections import deque
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from footage.made import corners, numbered_pictures, opened, write_movie, write_yuv_movie
from shared_footage import shared
from tolerances import FOOTAGE_LEVELS, FOOTAGE_MATRIX_LEVELS

from model_server.errors import BadFootage
from model_server.footage.source import clip_of, source_of
from model_server.settings import FrameRange

COLORS = [(200, 40, 30), (20, 180, 60), (30, 60, 220), (128, 128, 128), (255, 255, 255), (0, 0, 0)]


@pytest.mark.parametrize("matrix", ["bt601", "bt709"])
@pytest.mark.parametrize("full_range", [False, True])
@pytest.mark.parametrize("chroma", ["yuv420p", "yuv422p", "yuv444p"])
def test_colors_follow_the_matrix_and_range_that_the_movie_names(tmp_path, matrix, full_range, chroma):
    for color in COLORS:
        clip = opened(write_yuv_movie(tmp_path / "c.mp4", color, matrix, full_range, chroma=chroma))
        assert np.abs(clip.frame(1).astype(int) - color).max() <= FOOTAGE_MATRIX_LEVELS, color


@pytest.mark.parametrize(("size", "matrix"), [((64, 48), "bt601"), ((1280, 720), "bt709")])
def test_colors_of_a_movie_that_names_no_matrix_follow_its_size(tmp_path, size, matrix):
    clip = opened(write_yuv_movie(tmp_path / "c.mp4", COLORS[0], matrix, False, tagged=False, size=size))
    assert np.abs(clip.frame(0).astype(int) - COLORS[0]).max() <= FOOTAGE_MATRIX_LEVELS


@pytest.mark.parametrize("chroma", ["yuv420p", "yuv422p", "yuv444p"])
def test_ten_bits_become_eight(tmp_path, chroma):
    clip = opened(write_yuv_movie(tmp_path / "c.mkv", COLORS[0], "bt709", False, bits=10, chroma=chroma))
    assert np.abs(clip.frame(0).astype(int) - COLORS[0]).max() <= FOOTAGE_MATRIX_LEVELS


@pytest.mark.parametrize("size", [(65, 49), (1, 1), (2, 3), (64, 33)])
def test_odd_sizes_keep_every_pixel(tmp_path, size):
    pictures = [np.random.default_rng(i).integers(0, 255, (size[1], size[0], 3), np.uint8) for i in range(3)]
    clip = opened(write_movie(tmp_path / "odd.mkv", pictures))
    assert (clip.info.width, clip.info.height) == size
    assert all((clip.frame(i) == picture).all() for i, picture in enumerate(pictures))


# Quarter turns counterclockwise that undo how the picture was stored, and FFmpeg's angle for the display matrix.
@pytest.mark.parametrize(("turns", "angle"), [(0, 0), (1, 90), (2, 180), (3, -90)])
def test_rotated_movies_stand_upright(tmp_path, turns, angle):
    upright = corners()
    stored = np.ascontiguousarray(np.rot90(upright, -turns))
    path = write_movie(
        tmp_path / "turned.mp4",
        [stored] * 2,
        "libx264rgb",
        pix_fmt="rgb24",
        options={"qp": "0"},
        aspect=Fraction(2),
        prepare=lambda stream: stream.set_display_rotation(angle),
    )
    clip = opened(path)
    assert (clip.info.width, clip.info.height) == (48, 32)
    assert (clip.frame(0) == upright).all()
    assert clip.info.pixel_aspect == (0.5 if turns % 2 else 2.0)


def test_phones_rotations_show_one_picture():
    first = opened(shared("footage/video/video_0.mov")).frame(0)
    for angle, swaps in ((90, True), (180, False), (270, True)):
        clip = opened(shared(f"footage/video/video_{angle}.mov"))
        assert ((clip.info.width, clip.info.height) == (320, 568)) == swaps
    upright = opened(shared("footage/video_derived/h264_plain.mp4")).frame(7)
    left = opened(shared("footage/video_derived/h264_rot90_displaymatrix.mp4")).frame(7)
    right = opened(shared("footage/video_derived/h264_rotm90_displaymatrix.mov")).frame(7)
    assert (left == np.rot90(upright)).all()
    assert (right == np.rot90(upright, -1)).all()
    assert first.shape == (320, 568, 3)


def test_every_frame_comes_the_same_in_any_order(tmp_path):
    pictures = numbered_pictures(60)
    options = {"qp": "0", "g": "12", "bf": "3", "x264-params": "open-gop=1:b-pyramid=normal:scenecut=0"}
    path = write_movie(tmp_path / "b.mp4", pictures, "libx264rgb", pix_fmt="rgb24", options=options)
    clip = opened(path)
    assert clip.info.frame_count == 60
    for i in [0, 1, 2, 59, 30, 31, 30, 12, 11, 13, 24, 23, 47, 5, *np.random.default_rng(1).permutation(60)]:
        assert (clip.frame(int(i)) == pictures[i]).all(), i


@pytest.mark.parametrize(
    "name",
    [
        *["video/unordered.mov", "video/flipping_a_pancake.mkv", "video/transparent.webm", "video/newtonscradle.gif"],
        *["video_derived/mpeg2_interlaced_tff.mpg", "video_derived/mjpeg.avi", "video_derived/hevc_10bit.mp4"],
        *["video/h265_video.mp4", "video_derived/h264_vfr_gap.mp4", "video_derived/h264_audio_start5s.mp4"],
    ],
)
def test_random_access_equals_decoding_in_order(name):
    clip = opened(shared(f"footage/{name}"))
    count = min(clip.info.frame_count, 60)
    in_order = [clip.frame(i).copy() for i in range(count)]
    again = clip_of(source_of(clip))
    for i in np.random.default_rng(2).permutation(count)[:12]:
        assert (again.frame(int(i)) == in_order[i]).all(), i


def test_frame_counts_are_what_decoders_find():
    expected = {"video/av1_video.mkv": 125, "video/big_buck_bunny_432_433.webm": 24, "video/no_duration.webm": 74}
    expected |= {"video/bikes.mp4": 250, "video_derived/mpeg2_interlaced_tff.mpg": 30, "video/fire2.mp4": 25}
    for name, count in expected.items():
        assert opened(shared(f"footage/{name}")).info.frame_count == count, name


def test_ranges_and_steps_take_the_movies_own_frames(tmp_path):
    pictures = numbered_pictures(20)
    clip = opened(write_movie(tmp_path / "n.mkv", pictures), FrameRange(5, 16, 5))
    assert clip.info.frame_numbers == (5, 10, 15)
    assert all((clip.frame(i) == pictures[n - 1]).all() for i, n in enumerate((5, 10, 15)))
    with pytest.raises(BadFootage, match="its frames are 1-20"):
        opened(tmp_path / "n.mkv", FrameRange(21, 30))


def test_a_variable_rate_drops_and_repeats_nothing(tmp_path):
    pictures = numbered_pictures(8)
    path = write_movie(tmp_path / "v.mkv", pictures, times=[0, 40, 80, 400, 440, 480, 520, 560])
    clip = opened(path)
    assert all((clip.frame(i) == picture).all() for i, picture in enumerate(pictures))
    assert clip.info.fps == 25
    assert any("variable frame rate" in note for note in clip.info.notes)


def test_rates_are_rational():
    assert opened(shared("footage/video/carphone_pristine.mp4")).info.fps == Fraction(30000, 1001)
    assert opened(shared("footage/video/carphone_pristine.mp4"), fps=Fraction(24)).info.fps == 24


def test_transparency_is_mixed_with_black(tmp_path):
    picture = np.full((32, 32, 4), (200, 100, 50, 128), np.uint8)
    picture[16:, :, 3] = 0
    clip = opened(write_movie(tmp_path / "a.mov", [picture] * 2, "qtrle", pix_fmt="argb"))
    assert np.abs(clip.frame(0)[0, 0].astype(int) - (100, 50, 25)).max() <= FOOTAGE_LEVELS
    assert (clip.frame(0)[16:] == 0).all()
    webm = opened(shared("footage/video/transparent.webm"))
    assert "transparent pixels are shown on black" in webm.info.notes
    assert (webm.frame(0)[0, 0] == 0).all()


def test_the_artist_is_told_what_is_unusual():
    interlaced = opened(shared("footage/video_derived/h264_interlaced.mp4")).info
    assert any(note.startswith("interlaced") for note in interlaced.notes)
    wide = opened(shared("footage/video_derived/h264_sar_4_3.mp4")).info
    assert wide.pixel_aspect == pytest.approx(4 / 3)
    assert (wide.width, wide.height) == (540, 360)
    assert any("anamorphic" in note for note in wide.notes)
    assert opened(shared("footage/video_derived/h264_plain.mp4")).info.notes == ()


def test_a_movie_that_is_cut_off_is_used_only_where_it_is_whole(tmp_path):
    pictures = numbered_pictures(40)
    options = {"qp": "0", "bf": "3", "movflags": "faststart"}
    whole = write_movie(tmp_path / "w.mp4", pictures, "libx264rgb", pix_fmt="rgb24", options=options)
    cut = tmp_path / "cut.mp4"
    cut.write_bytes(_faststart(whole, tmp_path).read_bytes()[: int(whole.stat().st_size * 0.6)])
    with pytest.raises(BadFootage, match=r"cut off or damaged: \d+ of 40 frames") as caught:
        opened(cut)
    good = int(caught.value.hint.rpartition("1-")[2].split()[0])
    assert 15 <= good < 30
    clip = opened(cut, FrameRange(1, good))
    assert all((clip.frame(i) == pictures[i]).all() for i in range(good))


@pytest.mark.parametrize(
    ("name", "codec", "pix_fmt"), [("a.mkv", "libx264", "yuv420p"), ("a.avi", "mjpeg", "yuvj420p")]
)
def test_movies_of_other_kinds_tell_that_they_are_cut_off(tmp_path, name, codec, pix_fmt):
    whole = write_movie(tmp_path / name, numbered_pictures(40), codec, pix_fmt=pix_fmt)
    assert opened(whole).info.frame_count == 40
    whole.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    with pytest.raises(BadFootage, match=r"\d+ of 40 frames can be read"):
        opened(whole)


@pytest.mark.parametrize("name", ["video/corrupted.mp4", "video_derived/bitflipped_200.mp4"])
def test_damage_inside_a_movie_is_named_with_what_can_be_used(name):
    clip = opened(shared(f"footage/{name}"))
    with pytest.raises(BadFootage, match=r"damaged at frame \d+: \d+ of \d+ frames can be decoded") as caught:
        deque(map(clip.frame, range(clip.info.frame_count)))
    good = int(caught.value.hint.rpartition("1-")[2].split()[0])
    part = opened(shared(f"footage/{name}"), FrameRange(1, good))
    assert all(part.frame(i).any() for i in range(part.info.frame_count))


def test_a_movie_that_names_other_files_is_refused(tmp_path):
    write_movie(tmp_path / "real.mkv", numbered_pictures(3))
    playlist = tmp_path / "list.mp4"
    playlist.write_text("ffconcat version 1.0\nfile 'real.mkv'\n")
    with av.open(str(playlist)) as followed:  # what FFmpeg does when it is not told otherwise
        assert sum(1 for _ in followed.decode(video=0)) == 3
    with pytest.raises(BadFootage, match="format is not one of a movie"):
        opened(playlist)


@pytest.mark.parametrize(
    "text",
    [
        "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nhttp://127.0.0.1:{port}/a.ts\n#EXT-X-ENDLIST\n",
        "ffconcat version 1.0\nfile 'http://127.0.0.1:{port}/a.mp4'\n",
        "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video {port} RTP/AVP 96\n",
        '<MPD xmlns="urn:mpeg:dash:schema:mpd:2011"><BaseURL>http://127.0.0.1:{port}/</BaseURL></MPD>',
    ],
)
@pytest.mark.parametrize("name", ["evil.mp4", "evil.m3u8"])
def test_no_file_makes_us_open_a_connection(tmp_path, text, name):
    import socket

    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0.05)
        (tmp_path / name).write_text(text.format(port=listener.getsockname()[1]))
        with pytest.raises(BadFootage):
            opened(tmp_path / name)
        with pytest.raises(TimeoutError):
            listener.accept()


def _faststart(path: Path, folder: Path) -> Path:
    """The same movie with its index in front, as cameras' copies that break off have it."""
    copy = folder / "front.mp4"
    with av.open(str(path)) as source, av.open(str(copy), "w", options={"movflags": "faststart"}) as target:
        stream = target.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(video=0):
            if packet.dts is not None:
                packet.stream = stream
                target.mux(packet)
    return copy
