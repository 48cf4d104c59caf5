"""Open a folder of the artist's mattes: which image belongs to which frame, and whether all can be read."""

from pathlib import Path

from model_server.errors import BadInput
from model_server.footage.check import run_checked
from model_server.footage.clip import ClipInfo
from model_server.footage.matte_files import MatteClip
from model_server.footage.sequence import Sequence, sequence_around, sequence_in

_LISTED = 10  # missing frames named one by one


def open_mattes(
    name: str, folder: Path, info: ClipInfo, invert: bool, dilate_px: int
) -> tuple[MatteClip, tuple[str, ...]]:
    """Find the matte of every frame and decode each once, in a process of its own.

    Args:
        name: of the thing, for messages and for its layer.
        folder: holds one numbered sequence; or one image of it.
        info: of the footage; its frame numbers say which images count, its size which they are brought to.

    Returns:
        The mattes, and what the artist should know of them: frames without one, or nothing shown in any.

    Raises:
        BadInput: there is no such folder, no image in it, or none for the frames of the footage.
        BadFootage: an image can't be read, or has another shape than the footage.
    """
    sequence = _sequence(name, folder)
    by_number = dict(zip(sequence.numbers, sequence.files))
    files = tuple(by_number.get(number) for number in info.frame_numbers)
    there = [str(file.absolute()) for file in files if file is not None]
    if not there:
        raise BadInput(
            f"the mattes of '{name}' have the numbers {_span(sequence.numbers)}, the footage's frames are"
            f" {_span(info.frame_numbers)}: none belongs to a frame",
            hint="give the mattes the footage's frame numbers",
        )
    size = [info.width, info.height]
    work = {"do": "look_through", "name": folder.name, "files": there, "size": size, "invert": invert}
    shows = run_checked(work, folder.name)["shows"]
    notes = _missing(name, files, info.frame_numbers)
    if not shows:
        notes = (*notes, f"the mattes of '{name}' show nothing in any frame{' when inverted' if invert else ''}")
    return MatteClip(name, files, info.width, info.height, invert, dilate_px), notes


def _sequence(name: str, folder: Path) -> Sequence:
    try:
        if folder.is_dir():
            return sequence_in(folder)
        if folder.is_file():
            return sequence_around(folder)
    except (OSError, ValueError) as error:  # a name that is too long, or holds a zero byte
        raise BadInput(f"the mattes of '{name}' can't be looked up: {error}", hint="check the path") from error
    raise BadInput(f"there are no mattes of '{name}' at '{folder}'", hint="name a folder of images, one a frame")


def _missing(name: str, files: tuple[Path | None, ...], numbers: tuple[int, ...]) -> tuple[str, ...]:
    missing = [number for file, number in zip(files, numbers) if file is None]
    if not missing:
        return ()
    listed = ", ".join(str(number) for number in missing[:_LISTED]) + (", ..." if len(missing) > _LISTED else "")
    frames = "frame has" if len(missing) == 1 else "frames have"
    return (f"{len(missing)} {frames} no matte of '{name}': {listed}",)


def _span(numbers: tuple[int, ...]) -> str:
    return str(numbers[0]) if len(numbers) == 1 else f"{numbers[0]}-{numbers[-1]}"
