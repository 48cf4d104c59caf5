"""Memory and time of a long shot: 500 frames of 1080p, written as a movie and solved by the command line.

    python benchmarks/long_footage.py [--frames 500] [--size 1920x1080] [--keep FOLDER]

The picture is the tests' synthetic room, drawn small and enlarged: what counts here is how much there is of it.
Peak memory is that of the process and its children together.
"""

import argparse
import json
import sys
import tempfile
from pathlib import Path

import av
import cv2

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "tests")]

from solve import measure  # noqa: E402
from synthetic import room_frame  # noqa: E402


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--frames", type=int, default=500)
    parser.add_argument("--size", default="1920x1080")
    parser.add_argument("--keep", type=Path, help="keep movie and package in this folder")
    arguments = parser.parse_args()
    width, height = map(int, arguments.size.split("x"))
    with tempfile.TemporaryDirectory() as scratch:
        folder = arguments.keep or Path(scratch)
        folder.mkdir(parents=True, exist_ok=True)
        movie = folder / f"room_{arguments.frames}_{arguments.size}.mp4"
        if not movie.exists():
            write_movie(movie, arguments.frames, width, height)
        package = folder / f"{movie.stem}.page4d"
        print(json.dumps({"footage": movie.name} | measure(movie, package, "classical")))


def write_movie(path: Path, frames: int, width: int, height: int) -> None:
    """The synthetic room in `frames` pictures, H.264."""
    part = path.with_suffix(".part.mp4")
    with av.open(str(part), "w") as movie:
        stream = movie.add_stream("libx264", rate=25, options={"crf": "16", "preset": "veryfast"})
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        for index in range(frames):
            small = room_frame(index / max(1, frames - 1), width // 6 * 2, height // 6 * 2, focal=0.29 * width).image
            image = cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC)
            movie.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        movie.mux(stream.encode())
    part.rename(path)


if __name__ == "__main__":
    main()
