"""What is known of the lens before the solve, and what is assumed, in words."""

from dataclasses import replace

import numpy as np

from model_server.errors import Unsolvable
from model_server.geometry.lens import Distortion
from model_server.geometry.shot import Array, Geometry, Plate
from model_server.geometry.square_picture import LONG_SIDE, SquarePicture
from model_server.pipeline.bundle import Lens
from model_server.settings import SolveSettings

_FULL_FRAME_MM = 36.0  # width of the film back that equivalent focal lengths are told for
_TURNS_BACK = 1.02  # a zoom that goes this far beyond its ends goes to and fro


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


def first_zoom(lens: Lens, geometry: Geometry, square: SquarePicture) -> Lens:
    """The lens with a focal length for every frame: the engine's, and between the frames that it knows along a line.

    Distortion that is to be found starts at none: what was found with one focal length may be the zoom itself.
    """
    lens = replace(lens, k1=0.0)
    known = np.full(0, np.nan) if geometry.intrinsics is None else square.focal_of(geometry.intrinsics)
    frames = np.nonzero(np.isfinite(known))[0]
    if not len(frames):
        return lens.zoomed(np.full(len(known), lens.focal))
    return lens.zoomed(np.exp(np.interp(np.arange(len(known)), frames, np.log(known[frames]))))


def zoom_in_words(focals: Array) -> str:
    """What a zoom does; focal lengths (F,) in widths of the picture."""
    first, last = _FULL_FRAME_MM * focals[[0, -1]]
    words = f"the focal length changes smoothly, from {first:.1f} to {last:.1f} mm-equivalent"
    least, most = _FULL_FRAME_MM * focals.min(), _FULL_FRAME_MM * focals.max()
    if max(min(first, last) / least, most / max(first, last)) > _TURNS_BACK:
        words += f", between {least:.1f} and {most:.1f} mm"
    return words


def lens_in_words(lens: Lens, settings: SolveSettings, plate: Plate) -> tuple[str, ...]:
    """What the solve took for granted, in short sentences."""
    words = ["the principal point is at the image center"]
    if settings.lens is not None:
        words.append(f"the lens is {settings.lens.focal_mm:g} mm on a {settings.lens.sensor_mm:g} mm wide sensor")
    elif lens.zoom is not None:
        words.append(zoom_in_words(lens.zoom / SquarePicture.of(plate).width))
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
        words.append(f"the lens distorts radially, with {'one coefficient' if lens.k2 == 0 else 'two coefficients'}")
    words.append("square pixels" if plate.pixel_aspect == 1 else f"pixels {plate.pixel_aspect:g} times as wide as high")
    return tuple(words)
