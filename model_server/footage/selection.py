"""Which of the frames that are there are asked for."""

from model_server.errors import BadFootage
from model_server.footage.sequence import missing_numbers
from model_server.settings import FrameRange

_LISTED = 10  # missing frames named one by one


def select(name: str, numbers: tuple[int, ...], frames: FrameRange) -> tuple[int, ...]:
    """Frame numbers out of `numbers` (rising) that `frames` asks for; steps count from its first frame.

    Raises:
        BadFootage: none is left; the message names the range that exists.
    """
    first = numbers[0] if frames.first is None else frames.first
    last = numbers[-1] if frames.last is None else frames.last
    chosen = tuple(n for n in numbers if first <= n <= last and (n - first) % frames.step == 0)
    if not chosen:
        asked = f"{first}-{last}" if frames.step == 1 else f"{first}-{last} in steps of {frames.step}"
        raise BadFootage(
            f"'{name}' has no frames {asked}; its frames are {numbers[0]}-{numbers[-1]}",
            hint=f"ask for frames within {numbers[0]}-{numbers[-1]}",
        )
    return chosen


def gap_notes(numbers: tuple[int, ...], frames: FrameRange) -> tuple[str, ...]:
    """A note for the artist on numbers that are asked for and not there."""
    missing = missing_numbers(numbers, frames.step)
    if not missing:
        return ()
    listed = ", ".join(str(n) for n in missing[:_LISTED]) + (", ..." if len(missing) > _LISTED else "")
    plural = "s" if len(missing) > 1 else ""
    return (f"{len(missing)} frame{plural} missing: {listed}",)
