"""What `page4d-server solve` was told, as settings; every function raises BadInput where the words make no sense."""

import re
from pathlib import Path

from model_server.errors import BadInput
from model_server.film_backs import film_back
from model_server.settings import FrameRange, KnownLens, MatteFolders

_FRAMES = re.compile(r"(-?\d{1,9})-(-?\d{1,9})")


def frame_range(frames: str | None, step: int) -> FrameRange:
    if frames is None:
        return FrameRange(step=step)
    match = _FRAMES.fullmatch(frames)
    if match is None:
        raise BadInput(f"--frames {frames!r:.40} is not a range", hint="write it like 1001-1100")
    return FrameRange(int(match[1]), int(match[2]), step)


def known_lens(focal_mm: float | None, sensor_mm: float | None, back: str | None) -> KnownLens | None:
    """The lens that is known: a focal length on a film back whose width, or name, was given."""
    if sensor_mm is not None and back is not None:
        raise BadInput("--sensor-mm and --film-back both say how wide the sensor is", hint="give one of them")
    if back is not None:
        sensor_mm = film_back(back).width_mm
    if (focal_mm is None) != (sensor_mm is None):
        raise BadInput(
            "a focal length and a sensor say nothing without each other",
            hint="give --focal-mm, and --sensor-mm or --film-back",
        )
    return KnownLens(focal_mm, sensor_mm) if focal_mm is not None and sensor_mm is not None else None


def distortion_of(text: str) -> tuple[float, float, float] | str:
    """ "solve", "none", or K1, K1,K2 or K1,K2,K3; what is left out is 0."""
    if text in ("solve", "none"):
        return text
    parts = text.split(",")
    try:
        known = [float(part) for part in parts]
    except ValueError:
        known = []
    if not 1 <= len(known) <= 3:
        raise BadInput(
            f"--distortion {text!r:.60} is not understood", hint="write solve, none, or K1,K2,K3: -0.12,0.03,0"
        )
    k1, k2, k3 = known + [0.0] * (3 - len(known))
    return k1, k2, k3


def matte_folders(exclude: Path | None, mattes: list[str], invert: bool, dilate_px: int) -> MatteFolders | None:
    """None where no mattes were given; `mattes` are NAME=FOLDER each."""
    layers = []
    for text in mattes:
        name, equals, folder = text.partition("=")
        if not equals or not folder:
            raise BadInput(f"--matte {text!r:.80} names no folder", hint="write it like --matte Actor=mattes/actor")
        layers.append((name, Path(folder)))
    if exclude is None and not layers:
        if invert or dilate_px:
            raise BadInput(
                "there are no mattes to invert or dilate", hint="give --exclude FOLDER or --matte NAME=FOLDER"
            )
        return None
    return MatteFolders(exclude, tuple(layers), invert, dilate_px)
