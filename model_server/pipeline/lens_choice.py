"""What is known of the lens before the solve, and what is assumed, in words."""

import numpy as np

from model_server.geometry.shot import Geometry, Plate
from model_server.geometry.square_picture import SquarePicture
from model_server.pipeline.bundle import Lens
from model_server.settings import SolveSettings


def first_lens(geometry: Geometry, square: SquarePicture, settings: SolveSettings) -> Lens:
    """The engine's lens, or the given one where the settings give one; in square pixels."""
    assert geometry.intrinsics is not None
    focal = float(np.nanmedian(square.focal_of(geometry.intrinsics)))
    k1, lock_k1 = geometry.distortion.k1, True
    if settings.lens is not None:
        focal = settings.lens.focal_mm / settings.lens.sensor_mm * square.width
    if settings.distortion == "solve":
        lock_k1 = False
    return Lens(focal, k1, lock_focal=settings.lens is not None, lock_k1=lock_k1)


def lens_in_words(settings: SolveSettings, plate: Plate) -> tuple[str, ...]:
    """Short sentences for the artist."""
    words = ["the principal point is at the image center"]
    if settings.lens is None:
        words.append("one focal length for the whole shot")
    else:
        words.append(f"the lens is {settings.lens.focal_mm:g} mm on a {settings.lens.sensor_mm:g} mm wide sensor")
    words.append("square pixels" if plate.pixel_aspect == 1 else f"a pixel aspect of {plate.pixel_aspect:g}")
    return tuple(words)
