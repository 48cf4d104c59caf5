"""Widths of the film backs of well-known cameras, by name: what a focal length in mm needs to mean something.

A camera that crops its sensor in another mode has another width there: the names say which mode is meant. Widths are of
the recorded picture, in mm. Looked up in November 2026; where sources differ the maker's own figure stands.
"""

from dataclasses import dataclass

from model_server.errors import BadInput

_BLENDER = "Blender, scripts/presets/tracking_camera"
_ARRI_LF = "newsshooter.com 2018-07-31, ARRI's white paper on the ALEXA LF"
_SMPTE = "SMPTE camera apertures: liquisearch.com/35_mm_film/technical_specifications"
_MODES = "github.com/kagankerimoglu/cineweb, dof/CommonSensorModes.md"


@dataclass(frozen=True)
class FilmBack:
    name: str
    width_mm: float
    camera: str
    source: str


FILM_BACKS = (
    FilmBack("full-frame", 36.0, "still cameras of 36 x 24 mm, full width", _BLENDER),
    FilmBack("aps-c", 23.6, "Sony, Nikon, Fujifilm APS-C, full width", _BLENDER),
    FilmBack("aps-c-canon", 22.3, "Canon APS-C, full width", _BLENDER),
    FilmBack("micro-four-thirds", 17.3, "Panasonic, Olympus, full width", _BLENDER),
    FilmBack("one-inch", 13.2, "1 inch sensors, full width", _BLENDER),
    FilmBack("two-thirds-inch", 8.8, "2/3 inch broadcast cameras", _BLENDER),
    FilmBack("super-35", 24.89, "35 mm film, full aperture, 0.980 inch", _SMPTE),
    FilmBack("academy", 22.0, "35 mm film, sound aperture, 0.866 inch", _SMPTE),
    FilmBack("alexa-35-open-gate", 27.99, "ARRI ALEXA 35, 4.6K 3:2", _MODES),
    FilmBack("alexa-35-4k-16x9", 24.88, "ARRI ALEXA 35, 4K 16:9", _MODES),
    FilmBack("alexa-mini-open-gate", 28.25, "ARRI ALEXA Mini, 3.4K open gate", _MODES),
    FilmBack("alexa-mini-16x9", 23.76, "ARRI ALEXA and ALEXA Mini, 2.8K 16:9", _MODES),
    FilmBack("alexa-lf-open-gate", 36.7, "ARRI ALEXA LF and Mini LF, 4.5K open gate", _ARRI_LF),
    FilmBack("alexa-lf-16x9", 31.68, "ARRI ALEXA LF and Mini LF, 3.8K 16:9", _ARRI_LF),
    FilmBack("alexa-65-open-gate", 54.12, "ARRI ALEXA 65, 6.5K open gate", _ARRI_LF),
    FilmBack("venice-6k", 36.2, "Sony VENICE, 6K 3:2", _ARRI_LF),
    FilmBack("venice-2-8.6k", 35.9, "Sony VENICE 2, 8.6K 3:2", _MODES),
    FilmBack("red-monstro-8k", 40.96, "RED MONSTRO VV, 8K full format", _ARRI_LF),
    FilmBack("red-helium-8k", 29.9, "RED HELIUM S35, 8K full format", _BLENDER),
    FilmBack("pocket-4k", 18.96, "Blackmagic Pocket Cinema Camera 4K, 4K DCI", _BLENDER),
    FilmBack("pocket-6k", 23.1, "Blackmagic Pocket Cinema Camera 6K, 6K", _BLENDER),
    FilmBack("ursa-mini-4.6k", 25.34, "Blackmagic URSA Mini 4.6K, 4.6K", _BLENDER),
)


def film_back(name: str) -> FilmBack:
    """Raises BadInput where no camera has this name; the message lists those that there are."""
    for back in FILM_BACKS:
        if back.name == name.casefold():
            return back
    raise BadInput(
        f"there is no film back {name!r:.60}",
        hint="--film-back list shows the names; or give its width with --sensor-mm",
    )
