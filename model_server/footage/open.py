"""Open footage: a movie, a folder of images, or one image of a numbered sequence."""

from fractions import Fraction
from pathlib import Path

from model_server.errors import BadFootage, BadInput
from model_server.footage.check import run_checked
from model_server.footage.clip import ClipInfo
from model_server.footage.source import OpenClip, Source, clip_of
from model_server.settings import FrameRange

ALL_FRAMES = FrameRange()
FEWEST_FRAMES = 3  # two views agree on any point along their epipolar lines; a third one tells


def open_clip(path: Path, frames: FrameRange = ALL_FRAMES, fps: Fraction | None = None) -> OpenClip:
    """Check footage in a process of its own, then open it.

    The check reads every image's header, or every packet of a movie, and decodes the first frame asked for.
    `model_images` is the first to decode the others, in such a process, too.

    Args:
        path: a movie, a folder that holds one image sequence, or any image of a sequence.
        frames: which frames, by the footage's own numbers; a movie's first is 1.
        fps: frames per second, over what the footage says.

    Raises:
        BadFootage: there is no such file, it can't be used, or `frames` leaves nothing of it.
        BadInput: `fps` is not a rate.
    """
    if fps is not None and fps <= 0:
        raise BadInput(f"{fps} frames per second are not possible", hint="give a rate above 0, like 24 or 24000/1001")
    _check_path(path)
    work = {
        "do": "describe",
        "name": path.name,
        "path": str(path.absolute()),
        "frames": [frames.first, frames.last, frames.step],
        "fps": [fps.numerator, fps.denominator] if fps else None,
    }
    return clip_of(Source.from_json(run_checked(work, path.name)))


def require_solvable(info: ClipInfo) -> None:
    """Raises BadFootage where there are too few frames to find a camera from."""
    if info.frame_count < FEWEST_FRAMES:
        frames = "1 frame" if info.frame_count == 1 else f"{info.frame_count} frames"
        raise BadFootage(
            f"'{info.name}' has {frames}, a solve needs at least {FEWEST_FRAMES}",
            hint="use footage of a moving camera; for a sequence, name the folder or check the numbers in the names",
        )


def _check_path(path: Path) -> None:
    try:
        str(path).encode()
        if not path.exists():
            raise BadFootage(f"there is no footage at '{path}'", hint="check the spelling of the path")
        if not (path.is_dir() or path.is_file()):
            raise BadFootage(f"'{path}' is neither a file nor a folder", hint="name a movie, a folder or an image")
    except UnicodeEncodeError as error:
        raise BadFootage(f"the name {str(path)!a} is not valid Unicode", hint="rename it") from error
    except OSError as error:
        raise BadFootage(f"'{path}' can't be looked up: {error.strerror}", hint="check the path") from error
