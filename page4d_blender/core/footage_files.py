"""Which files footage consists of: one movie, or the numbered images of a sequence."""

import re
from dataclasses import dataclass
from pathlib import Path

from .errors import Page4DError
from .settings import Frames

IMAGE_SUFFIXES = frozenset(
    f".{suffix}"
    for suffix in "png jpg jpeg jpe jfif mpo exr dpx cin tif tiff bmp tga webp jp2 j2k hdr pfm ppm pgm pnm sgi".split()
)
_NUMBER = re.compile(r"[0-9]{1,12}")


class NoFootage(Page4DError):
    """There is nothing at that path that could be solved."""


@dataclass(frozen=True)
class FootageFiles:
    """What is sent to the server; `name` is what the artist calls the clip."""

    name: str
    files: tuple[Path, ...]


def footage_files(path: Path, frames: Frames | None = None) -> FootageFiles:
    """The files of a movie, of a folder that holds one sequence, or of the sequence that an image is one of.

    Args:
        frames: of a sequence, only these are needed.

    Raises:
        NoFootage: nothing is there, a folder holds no or several sequences, or `frames` leaves none.
    """
    if path.is_dir():
        name, numbered = _sequence_in(path)
    elif not path.is_file():
        raise NoFootage(f"there is no footage at '{path}'", hint="pick a movie, a folder or an image of a sequence")
    elif path.suffix.lower() in IMAGE_SUFFIXES:
        name, numbered = _sequence_of(path, _visible_files(path.parent))
    else:
        return FootageFiles(path.stem, (path,))
    files = tuple(file for number, file in numbered if frames is None or frames.holds(number))
    if not files:
        first, last = numbered[0][0], numbered[-1][0]
        raise NoFootage(f"'{name}' has none of the frames asked for", hint=f"its frames are {first} to {last}")
    return FootageFiles(name, files)


def matte_files(what: str, path: Path, frames: Frames | None = None) -> tuple[Path, ...]:
    """The images of the artist's mattes in a folder, or of the sequence that an image is one of.

    Args:
        what: whose mattes, for messages.

    Raises:
        NoFootage: as `footage_files`, or a movie is no mattes.
    """
    if path.is_file() and path.suffix.lower() not in IMAGE_SUFFIXES:
        raise NoFootage(f"'{path.name}' is no image of a matte of {what}", hint="pick a folder of images, one a frame")
    try:
        return footage_files(path, frames).files
    except NoFootage as error:
        raise NoFootage(f"mattes of {what}: {error.message}", hint=error.hint) from error


_Numbered = list[tuple[int, Path]]


def _sequence_in(folder: Path) -> tuple[str, _Numbered]:
    images = [file for file in _visible_files(folder) if file.suffix.lower() in IMAGE_SUFFIXES]
    if not images:
        raise NoFootage(f"the folder '{folder.name}' holds no images", hint="pick a movie or a folder of images")
    found: list[tuple[str, _Numbered]] = []
    taken: set[Path] = set()
    for image in images:
        if image not in taken:
            found.append(_sequence_of(image, images))
            taken |= {file for _, file in found[-1][1]}
    sequences = [sequence for sequence in found if len(sequence[1]) > 1] or found
    if len(sequences) > 1:
        listed = ", ".join(numbered[0][1].name for _, numbered in sequences[:4])
        raise NoFootage(
            f"the folder '{folder.name}' holds {len(sequences)} sequences: {listed}",
            hint="pick an image of the one you mean",
        )
    return sequences[0]


def _sequence_of(image: Path, others: list[Path]) -> tuple[str, _Numbered]:
    """Of several numbers in a name, the last one that other images count with is the frame number."""
    numbers = list(_NUMBER.finditer(image.name, 0, len(image.stem)))
    candidates = [_counting_with(number, image, others) for number in reversed(numbers)]
    counted = [candidate for candidate in candidates if len(candidate[1]) > 1]
    return (counted or candidates or [(image.stem, [(1, image)])])[0]


def _counting_with(number: re.Match[str], image: Path, others: list[Path]) -> tuple[str, _Numbered]:
    before, after = image.name[: number.start()], image.name[number.end() :]
    pattern = re.compile(re.escape(before) + r"([0-9]{1,12})" + re.escape(after))
    texts = {match[1]: other for other in others if (match := pattern.fullmatch(other.name))}
    # 0999 beside 1000 tells that 1000 is padded, too; zeros only fill up to the padding.
    shorter = [text for text in [number.group(), *texts] if text[0] == "0" and 1 < len(text) <= len(number.group())]
    padding = len(shorter[0]) if shorter else 1
    numbered = [
        (int(text), other)
        for text, other in texts.items()
        if len(text) == padding or (len(text) > padding and text[0] != "0")
    ]
    return before.rstrip("._- ") or image.absolute().parent.name, sorted(numbered)


def _visible_files(folder: Path) -> list[Path]:
    return sorted(entry for entry in folder.iterdir() if not entry.name.startswith(".") and entry.is_file())
