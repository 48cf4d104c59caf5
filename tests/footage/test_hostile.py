"""Broken files give a picture or one clear line, within memory, and take nothing down."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from shared_footage import shared

from model_server.errors import BadFootage
from model_server.footage.open import open_clip

ROOT = Path(__file__).parents[2]
FOLDERS = ("video", "video_derived", "images_hostile", "exr_seq", "exif_orientation")
MEMORY = 4_000_000_000  # bytes, of the whole process
TIME_LIMIT_S = 300  # for some 390 files; a file that hangs shows here
PICTURES = ("hopper.tif", "no_rows_per_strip.tif", "iss634.webp", "old-style-jpeg-compression.tif", "zero_dpi.jp2")
DAMAGED = ("zero_bytes.png", "truncated_half.png", "bomb_30000x30000_gray8.png", "libtiff_segfault.tif", "oom_exr")


@pytest.mark.skipif(sys.platform == "win32", reason="needs the resource module")
def test_every_broken_file_gives_a_picture_or_one_clear_line(tmp_path):
    files = sorted(f for folder in FOLDERS for f in shared(f"footage/{folder}").rglob("*") if f.is_file())
    answers = _sweep([_alone(file, tmp_path / str(i)) for i, file in enumerate(files)])
    said = {file.name: answer["said"] for file, answer in zip(files, answers)}
    assert len(answers) == len(files) > 350
    assert not [name for name, line in said.items() if "\n" in line or not line]
    assert {name: said[name] for name in PICTURES} == dict.fromkeys(PICTURES, "fine")
    assert not [name for name in DAMAGED if said[name] == "fine"]
    assert max(answer["peak"] for answer in answers) < MEMORY


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("video_derived/zero_bytes.mp4", "can't be read as a movie"),
        ("video_derived/text_named.mp4", "can't be read as a movie"),
        ("video_derived/truncated_no_moov.mp4", "can't be read as a movie"),
        ("video_derived/audio_only.m4a", "holds no pictures"),
        ("video_derived/truncated_faststart_60pct.mp4", "24 of 40 frames can be read"),
        ("images_hostile/derived/bomb_30000x30000_gray8.png", "30000 x 30000 pixels, which is too large"),
        ("images_hostile/derived/truncated_third.jpg", "is damaged"),
        ("images_hostile/exotic/stent.npz", "can't be read as a movie"),
        ("exr_seq/damaged/oom_exr", "can't be read as an image"),
    ],
)
def test_the_line_says_what_is_wrong(name, line):
    with pytest.raises(BadFootage, match=line) as caught:
        open_clip(shared(f"footage/{name}"))
    assert caught.value.hint


def _alone(file: Path, folder: Path) -> Path:
    """The file in a folder of its own, so that no neighbor counts as its sequence; fuzzed exr files get a suffix."""
    folder.mkdir()
    link = folder / (f"{file.name}.exr" if file.parent.name == "damaged" else file.name)
    link.symlink_to(file)
    return link


def _sweep(files: list[Path]) -> list[dict]:
    """What became of each file; one that kills the process is opened again as a user does it."""
    answers: list[dict] = []
    while len(answers) < len(files):
        asked = "".join(json.dumps(str(file)) + "\n" for file in files[len(answers) :])
        done = subprocess.run(
            [sys.executable, str(Path(__file__).with_name("sweep.py"))],
            input=asked,
            capture_output=True,
            text=True,
            cwd=ROOT,
            env={"PYTHONPATH": str(ROOT), "OPENBLAS_NUM_THREADS": "1", "MALLOC_ARENA_MAX": "2"},
            timeout=TIME_LIMIT_S,
        )
        answers += [json.loads(line) for line in done.stdout.splitlines()]
        if len(answers) < len(files):
            assert done.returncode < 0, f"{files[len(answers)]}: {done.stderr}"
            with pytest.raises(BadFootage) as caught:
                open_clip(files[len(answers)])
            answers.append({"name": files[len(answers)].name, "said": caught.value.message, "peak": 0})
    return answers
