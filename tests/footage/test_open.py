"""`open_clip` and `model_images` as the pipeline calls them, the process of its own included."""

import os
import sys
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from footage.made import corners, numbered_pictures, write_image, write_movie
from tolerances import FOOTAGE_LEVELS

from model_server.errors import BadFootage, BadInput, ServerError
from model_server.footage import check
from model_server.footage.model_images import model_images
from model_server.footage.open import open_clip, require_solvable
from model_server.settings import FrameRange


def _no_progress(fraction: float) -> None:
    pass


def test_movie_folder_and_image_open_alike(tmp_path):
    pictures = numbered_pictures(4)
    write_movie(tmp_path / "take 1 ñ 日本.mkv", pictures)
    (tmp_path / "plate").mkdir()
    for number, picture in enumerate(pictures, start=1001):
        write_image(tmp_path / "plate" / f"shot.{number}.png", picture)
    ways = [tmp_path / "take 1 ñ 日本.mkv", tmp_path / "plate", tmp_path / "plate" / "shot.1003.png"]
    for path in ways:
        clip = open_clip(path)
        assert all((clip.frame(i) == picture).all() for i, picture in enumerate(pictures)), path
    assert open_clip(ways[0]).info.frame_numbers == (1, 2, 3, 4)
    assert open_clip(ways[1]).info.frame_numbers == (1001, 1002, 1003, 1004)
    assert open_clip(ways[2], FrameRange(1002, step=2)).info.frame_numbers == (1002, 1004)


def test_names_that_look_like_options_open_from_here(tmp_path, monkeypatch):
    write_movie(tmp_path / "-y concat:a|b %04d?.mkv", numbered_pictures(2))
    monkeypatch.chdir(tmp_path)
    assert open_clip(Path("-y concat:a|b %04d?.mkv")).info.frame_count == 2


def test_images_with_odd_names_open(tmp_path):
    for i in (1, 2):
        write_image(tmp_path / "plain.png", corners()).rename(tmp_path / f"-what? ü %04d#.{i:04d}.png")
    assert (open_clip(tmp_path / "-what? ü %04d#.0001.png").frame(1) == corners()).all()


@pytest.mark.parametrize("name", ["absent.mp4", "absent.1001.exr", "no/such/folder"])
def test_absent_footage_is_named(tmp_path, name):
    with pytest.raises(BadFootage, match="there is no footage at"):
        open_clip(tmp_path / name)


@pytest.mark.parametrize("name", ["x" * 5000 + ".mp4", "caf\udce9.mp4"])
def test_names_that_no_disk_has_are_refused(name):
    with pytest.raises(BadFootage, match=r"looked up|not valid Unicode|no footage"):
        open_clip(Path(name))


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="the administrator may read everything")
def test_footage_that_may_not_be_read_is_named(tmp_path):
    path = write_movie(tmp_path / "a.dat", numbered_pictures(2), container="matroska")
    path.chmod(0)
    with pytest.raises(BadFootage, match=r"'a\.dat' can't be opened: Permission denied"):
        open_clip(path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes on this system")
def test_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe.mp4")
    with pytest.raises(BadFootage, match="neither a file nor a folder"):
        open_clip(tmp_path / "pipe.mp4")


def test_a_rate_of_nothing_is_refused(tmp_path):
    with pytest.raises(BadInput, match="0 frames per second"):
        open_clip(tmp_path, fps=Fraction(0))


@pytest.mark.parametrize(("count", "said"), [(1, "has 1 frame, a"), (2, "has 2 frames, a")])
def test_too_few_frames_open_but_can_not_be_solved(tmp_path, count, said):
    for number in range(count):
        image = write_image(tmp_path / f"still.{number:04}.png", corners())
    clip = open_clip(image)
    assert clip.info.frame_count == count
    with pytest.raises(BadFootage, match=f"{said} solve needs at least 3"):
        require_solvable(clip.info)


def test_model_images_are_the_whole_picture_averaged(tmp_path):
    rng = np.random.default_rng(3)
    pictures = [rng.integers(0, 255, (120, 200, 3), np.uint8) for _ in range(5)]
    clip = open_clip(write_movie(tmp_path / "a.mkv", pictures))
    heard: list[float] = []
    images, pixels = model_images(clip, 50, tmp_path / "images.npy", heard.append)
    assert images.shape == (5, 30, 50, 3)
    assert images.dtype == np.uint8
    assert pixels.scale == (4.0, 4.0)
    expected = np.stack(pictures).reshape(5, 30, 4, 50, 4, 3).mean((2, 4))
    assert np.abs(images - expected).max() <= FOOTAGE_LEVELS
    assert heard == sorted(heard)
    assert heard[-1] == 1.0
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.mkv", "images.npy"]


def test_the_pixel_map_is_exact_where_sides_do_not_divide(tmp_path):
    clip = open_clip(write_movie(tmp_path / "a.mkv", numbered_pictures(2, 101, 67)))
    images, pixels = model_images(clip, 50, tmp_path / "i.npy", _no_progress)
    assert images.shape[1:3] == (33, 50)
    assert pixels.scale == (101 / 50, 67 / 33)
    assert (pixels.footage_from_model(np.array([50.0, 33.0])) == [101, 67]).all()
    small, same = model_images(clip, 640, tmp_path / "s.npy", _no_progress)
    assert small.shape[1:3] == (67, 101)
    assert same.scale == (1.0, 1.0)


def test_no_half_images_are_left_when_a_frame_is_damaged(tmp_path):
    for i in (1, 2, 3):
        write_image(tmp_path / f"s.{i}.png", np.random.default_rng(i).integers(0, 255, (64, 64, 3), np.uint8))
    damaged = tmp_path / "s.3.png"
    damaged.write_bytes(damaged.read_bytes()[:2000])
    clip = open_clip(tmp_path / "s.1.png")
    with pytest.raises(BadFootage, match=r"'s\.3\.png' is damaged"):
        model_images(clip, 32, tmp_path / "out.npy", _no_progress)
    assert not list(tmp_path.glob("out.npy*"))


def _worker(folder: Path, monkeypatch: pytest.MonkeyPatch, body: str) -> None:
    """Let `check` start a process that does `body` in place of its work."""
    (folder / "broken_worker.py").write_text(f"import sys\nsys.stdin.readline()\n{body}\n")
    monkeypatch.setenv("PYTHONPATH", str(folder))
    monkeypatch.setattr(check, "WORKER", "broken_worker")


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
@pytest.mark.parametrize("said", ["", '{"frac'])
def test_a_decoder_that_crashes_takes_nothing_with_it(tmp_path, monkeypatch, said):
    last_words = f"print('{said}', end='', flush=True)"
    _worker(tmp_path, monkeypatch, f"import os, signal; {last_words}; os.kill(os.getpid(), signal.SIGSEGV)")
    with pytest.raises(BadFootage, match=r"'x\.mp4' crashed its decoder"):
        check.run_checked({}, "x.mp4")


def test_a_decoder_that_hangs_is_given_up(tmp_path, monkeypatch):
    monkeypatch.setattr(check, "SILENCE_LIMIT_S", 0.5)
    _worker(tmp_path, monkeypatch, "import time; time.sleep(60)")
    with pytest.raises(BadFootage, match=r"'x\.mp4' was given up"):
        check.run_checked({}, "x.mp4")


def test_our_own_fault_is_not_called_bad_footage(tmp_path, monkeypatch):
    _worker(tmp_path, monkeypatch, "raise RuntimeError('a mistake of ours')")
    with pytest.raises(ServerError, match="a mistake of ours") as caught:
        check.run_checked({}, "x.mp4")
    assert caught.value.status == 500


@pytest.mark.skipif(sys.platform != "linux", reason="memory can be limited on Linux only")
def test_memory_is_limited(tmp_path, monkeypatch):
    body = (
        "import numpy as np\nfrom model_server.footage import worker\n"
        "worker.do = lambda *_: np.ones(5_000_000_000, np.uint8)\nsys.stdin = open('work.json')\nworker.main()"
    )
    (tmp_path / "work.json").write_text('{"name": "x.mp4"}\n')
    monkeypatch.chdir(tmp_path)
    _worker(tmp_path, monkeypatch, body)
    with pytest.raises(BadFootage, match=r"needs more than 3\.5 GB of memory"):
        check.run_checked({}, "x.mp4")
