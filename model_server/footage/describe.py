"""Find out what footage is: its kind, size, rate and frames. Runs where a decoder may crash, see check.py."""

from fractions import Fraction
from pathlib import Path

import av

from model_server.errors import BadFootage
from model_server.footage.clip import ClipInfo
from model_server.footage.images import ImageHeader, read_header, read_picture
from model_server.footage.limits import MAX_FRAME_NUMBER, check_size, plausible_aspect
from model_server.footage.movie import first_picture
from model_server.footage.movie_file import MovieFile
from model_server.footage.movie_index import MovieIndex, index_movie
from model_server.footage.movie_picture import RgbConverter, turn_of
from model_server.footage.selection import gap_notes, select
from model_server.footage.sequence import IMAGE_SUFFIXES, Sequence, sequence_around, sequence_in
from model_server.footage.source import Source
from model_server.settings import FrameRange

_ASSUMED_FPS = Fraction(24)
_FASTEST = 1000  # frames a second; more is noise in the metadata
_HDR_TRANSFERS = {16: "PQ", 18: "HLG"}  # AVCOL_TRC_SMPTE2084, AVCOL_TRC_ARIB_STD_B67
# exr, png, jpeg, tiff (both byte orders), dpx (both): for files whose name does not tell
_IMAGE_SIGNATURES = (b"\x76\x2f\x31\x01", b"\x89PNG", b"\xff\xd8\xff", b"II*\0", b"MM\0*", b"SDPX", b"XPDS")


def describe(path: Path, frames: FrameRange, fps: Fraction | None) -> Source:
    """Check a movie, a folder of images, or the sequence that one image belongs to.

    Reads the header of every image or every packet of the movie, and decodes the first frame asked for.

    Raises:
        BadFootage: it can't be used, and why.
    """
    try:
        return _describe(path, frames, fps)
    except OSError as error:
        raise BadFootage(
            f"'{path.name}' can't be opened: {error.strerror}",
            hint="check that you may read it, and that it is not in use",
        ) from error


def _describe(path: Path, frames: FrameRange, fps: Fraction | None) -> Source:
    if path.is_dir():
        return _describe_images(sequence_in(path), frames, fps)
    if path.suffix.lower() in IMAGE_SUFFIXES or (path.suffix.lower() != ".apng" and _is_image_by_content(path)):
        return _describe_images(sequence_around(path), frames, fps)
    return _describe_movie(path, frames, fps)


def _is_image_by_content(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(4).startswith(_IMAGE_SIGNATURES)


def _describe_images(sequence: Sequence, frames: FrameRange, fps: Fraction | None) -> Source:
    available, renumbered = sequence.numbers, tuple[str, ...]()
    if available[-1] > MAX_FRAME_NUMBER:  # times, dates: they tell the order only
        available = tuple(range(1, len(sequence.files) + 1))
        renumbered = ("the numbers in the names are too large for frames: counted from 1",)
    numbers = select(sequence.files[0].name, available, frames)
    file_of = dict(zip(available, sequence.files))
    files = tuple(file_of[number] for number in numbers)
    first = read_header(files[0])
    for file in files[1:]:
        _check_same_size(files[0], first, file)
    read_picture(files[0])
    notes = (*renumbered, *gap_notes(numbers, frames), *_aspect_notes(first.pixel_aspect))
    rate = fps or first.fps
    if rate is None or rate > _FASTEST:
        rate, notes = _ASSUMED_FPS, (*notes, f"frames per second not known: {_ASSUMED_FPS} assumed")
    info = ClipInfo(sequence.name, files, first.width, first.height, first.pixel_aspect, rate, numbers, notes)
    return Source(info)


def _check_same_size(first_file: Path, first: ImageHeader, file: Path) -> None:
    header = read_header(file)
    if (header.width, header.height) != (first.width, first.height):
        raise BadFootage(
            f"'{file.name}' is {header.width} x {header.height} pixels, "
            f"'{first_file.name}' {first.width} x {first.height}",
            hint="all images of a sequence must have one size; use --frames to leave others out",
        )


def _describe_movie(path: Path, frames: FrameRange, fps: Fraction | None) -> Source:
    index = index_movie(path)
    if index.count == 0:
        raise BadFootage(f"'{path.name}' holds no picture that can be decoded", hint="export the movie again")
    _check_whole(path, index, frames)
    numbers = select(path.name, tuple(range(1, index.count + 1)), frames)
    picture = first_picture(path, index, numbers[0] - 1)
    RgbConverter().rgb(picture)
    _, swaps = turn_of(picture)
    width, height = (picture.height, picture.width) if swaps else (picture.width, picture.height)
    check_size(path.name, width, height)
    with MovieFile(path) as movie:
        stored = plausible_aspect(float(movie.stream.sample_aspect_ratio or 1))
        known_rate = fps or _rate(movie, index)
        several = movie.stream_count > 1
    rate, aspect = known_rate or _ASSUMED_FPS, 1 / stored if swaps else stored
    unusual = {
        f"frames per second not known: {_ASSUMED_FPS} assumed": known_rate is None,
        f"variable frame rate: every frame counts once, at {float(rate):.4g} frames per second": index.varies,
        "more than one video stream: the first is used": several,
        f"cut off or damaged: {index.count} of {index.declared} frames can be read": index.count < index.declared,
    }
    notes = (
        *gap_notes(numbers, frames),
        *_aspect_notes(aspect),
        *(note for note, holds in unusual.items() if holds),
        *_picture_notes(picture),
    )
    return Source(ClipInfo(path.stem, (path,), width, height, aspect, rate, numbers, notes), index)


def _picture_notes(picture: av.VideoFrame) -> tuple[str, ...]:
    unusual = {
        "interlaced: each frame holds two moments; deinterlace it for a precise solve": picture.interlaced_frame,
        "transparent pixels are shown on black": any(c.is_alpha for c in picture.format.components),
        f"HDR ({_HDR_TRANSFERS.get(picture.color_trc)}) is used without tone mapping": picture.color_trc
        in _HDR_TRANSFERS,
    }
    return tuple(note for note, holds in unusual.items() if holds)


def _check_whole(path: Path, index: MovieIndex, frames: FrameRange) -> None:
    """A movie that is cut off is used only where the range says so."""
    if index.count < index.declared and (frames.last is None or frames.last > index.count):
        raise BadFootage(
            f"'{path.name}' is cut off or damaged: {index.count} of {index.declared} frames can be read",
            hint=f"copy or export it again, or use --frames 1-{index.count} for the part that is whole",
        )


def _rate(movie: MovieFile, index: MovieIndex) -> Fraction | None:
    """What the container says; where frames last differently long, what most of them say."""
    rate = movie.stream.guessed_rate or movie.stream.average_rate
    if index.varies and movie.stream.time_base:
        rate = (1 / (index.usual_step * movie.stream.time_base)).limit_denominator(1001)
    return rate if rate and Fraction(1, _FASTEST) <= rate <= _FASTEST else None


def _aspect_notes(aspect: float) -> tuple[str, ...]:
    return () if abs(aspect - 1) < 1e-3 else (f"anamorphic: one pixel is {aspect:.4g} times as wide as high",)
