"""Which images of a folder belong together, and which frame each of them is."""

import re
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

from model_server.errors import BadFootage

_SUFFIXES = "png jpg jpeg jpe jfif mpo exr dpx cin tif tiff bmp tga webp jp2 j2k hdr pfm ppm pgm pnm sgi"
IMAGE_SUFFIXES = frozenset(f".{suffix}" for suffix in _SUFFIXES.split())
_NUMBER = re.compile(r"[0-9]+")
_SURROGATE = re.compile("[\ud800-\udfff]")  # stands for bytes that are no UTF-8


@dataclass(frozen=True)
class Sequence:
    """Images with rising frame numbers."""

    name: str  # "shot" of shot.1001.exr
    files: tuple[Path, ...]
    numbers: tuple[int, ...]


def sequence_around(image: Path) -> Sequence:
    """The numbered images that `image` is one of; an image with no number in its name is frame 1 of its own.

    Of several numbers in the name, the last one that other images of the folder count with is the frame number.
    """
    return _sequence_of(image, _by_pattern(_names_in(image.parent)))


def sequence_in(folder: Path) -> Sequence:
    """The one sequence that a folder holds; stray images beside it do not matter.

    Raises:
        BadFootage: no images, or more than one sequence.
    """
    names = [n for n in _names_in(folder) if Path(n).suffix.lower() in IMAGE_SUFFIXES]
    if not names:
        raise BadFootage(f"the folder '{folder.name}' holds no images", hint="name a movie, or a folder of images")
    patterns = _by_pattern(names)
    found: list[Sequence] = []
    taken: set[str] = set()
    for name in names:
        if name not in taken:
            found.append(_sequence_of(folder / name, patterns))
            taken |= {file.name for file in found[-1].files}
    sequences = [s for s in found if len(s.files) > 1] or found
    if len(sequences) > 1:
        listed = ", ".join(f"{s.files[0].name} ({len(s.files)} images)" for s in sequences[:4])
        more = f" and {len(sequences) - 4} more" if len(sequences) > 4 else ""
        raise BadFootage(
            f"the folder '{folder.name}' holds {len(sequences)} sequences: {listed}{more}",
            hint="name one image of the sequence you mean",
        )
    return sequences[0]


def missing_numbers(numbers: tuple[int, ...], step: int = 1) -> list[int]:
    """Numbers between the first and the last that a step of `step` expects and the footage does not have."""
    have = set(numbers)
    return [n for n in range(numbers[0], numbers[-1] + 1, step) if n not in have] if numbers else []


def _names_in(folder: Path) -> list[str]:
    """Visible files; `._shot.1001.exr` is what a Mac leaves beside an image. Names that are no text are left out."""
    names = (entry.name for entry in folder.iterdir() if not entry.name.startswith(".") and entry.is_file())
    return sorted(name for name in names if not _SURROGATE.search(name))


def _by_pattern(names: list[str]) -> dict[tuple[str, str], list[str]]:
    """The numbers that stand between the same two pieces of text; a name with two numbers is in two patterns."""
    patterns = defaultdict(list)
    for name in names:
        for match in _numbers_in(name):
            patterns[name[: match.start()], name[match.end() :]].append(match.group())
    return patterns


def _numbers_in(name: str) -> list[re.Match[str]]:
    return list(_NUMBER.finditer(name, 0, len(Path(name).stem)))


def _sequence_of(image: Path, patterns: dict[tuple[str, str], list[str]]) -> Sequence:
    candidates = [_counting_with(match, image, patterns) for match in reversed(_numbers_in(image.name))]
    counted = [sequence for sequence in candidates if len(sequence.files) > 1]
    return (counted or candidates or [Sequence(image.stem, (image,), (1,))])[0]


def _counting_with(number: re.Match[str], image: Path, patterns: dict[tuple[str, str], list[str]]) -> Sequence:
    before, after = image.name[: number.start()], image.name[number.end() :]
    padding = _padding(number.group(), patterns[before, after])
    texts = sorted((text for text in patterns[before, after] if _is_padded(text, padding)), key=int)
    return Sequence(
        before.rstrip("._- ") or image.absolute().parent.name,
        tuple(image.parent / f"{before}{text}{after}" for text in texts),
        tuple(int(text) for text in texts),
    )


def _padding(chosen: str, others: list[str]) -> int:
    """How many digits the sequence pads to; 1 = it does not pad. 0999 beside 1000 tells that 1000 is padded, too."""
    padded = [len(text) for text in [chosen, *others] if text.startswith("0") and 1 < len(text) <= len(chosen)]
    return padded[0] if padded else 1


def _is_padded(text: str, padding: int) -> bool:
    """Zeros only fill up to the padding: with 4, both 0999 and 10000 count, 00999 and 999 do not."""
    return len(text) == padding or (len(text) > padding and not text.startswith("0"))
