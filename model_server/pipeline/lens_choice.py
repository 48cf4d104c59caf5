"""What is known of the lens before the solve, and what is assumed, in words."""

import numpy as np

from model_server.errors import Unsolvable
from model_server.geometry.lens import Distortion
from model_server.geometry.shot import Geometry, Plate
from model_server.geometry.square_picture import LONG_SIDE, SquarePicture
from model_server.pipeline.bundle import Lens
from model_server.settings import SolveSettings


def first_lens(geometry: Geometry, square: SquarePicture, settings: SolveSettings) -> Lens:
    """The given lens where the settings give one, else the engine's; in square pixels.

    Raises:
        Unsolvable: neither knows a focal length.
    """
    lens = settings.lens
    if lens is not None:
        focal = lens.focal_mm / lens.sensor_mm * square.width
    elif geometry.intrinsics is not None:
        focal = float(np.nanmedian(square.focal_of(geometry.intrinsics)))
    else:
        raise Unsolvable("the engine found no focal length", hint="give the lens: focal length and sensor width")
    if settings.distortion == "solve":
        return Lens(focal, geometry.distortion.k1, lock_focal=lens is not None)
    given = Distortion() if isinstance(settings.distortion, str) else Distortion(*settings.distortion)
    return Lens(focal, given=given, lock_focal=lens is not None, lock_k1=True)


def lens_in_words(lens: Lens, settings: SolveSettings, plate: Plate) -> tuple[str, ...]:
    """What the solve took for granted, in short sentences."""
    words = ["the principal point is at the image center"]
    if settings.lens is not None:
        words.append(f"the lens is {settings.lens.focal_mm:g} mm on a {settings.lens.sensor_mm:g} mm wide sensor")
    elif lens.lock_focal:
        angle = np.degrees(2 * np.arctan(LONG_SIDE / 2 / lens.focal))
        words.append(f"the shot does not tell its focal length; {angle:.0f} degrees along the long side are assumed")
    else:
        words.append("one focal length for the whole shot")
    if lens.given is not None and not lens.given.is_pinhole:
        words.append("the lens distorts as given")
    elif lens.distortion.is_pinhole:
        words.append("the lens does not distort")
    else:
        words.append("the lens distorts radially, with one coefficient")
    words.append("square pixels" if plate.pixel_aspect == 1 else f"pixels {plate.pixel_aspect:g} times as wide as high")
    return tuple(words)
