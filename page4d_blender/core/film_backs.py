"""Widths of film backs by their camera: the mirror of the server's `film_backs.py`, which names the sources."""

from dataclasses import dataclass

from .errors import Page4DError


class NoFilmBack(Page4DError):
    """No camera has this name."""


@dataclass(frozen=True)
class FilmBack:
    name: str
    width_mm: float  # of the recorded picture
    camera: str


FILM_BACKS = (
    FilmBack("full-frame", 36.0, "still cameras of 36 x 24 mm, full width"),
    FilmBack("aps-c", 23.6, "Sony, Nikon, Fujifilm APS-C, full width"),
    FilmBack("aps-c-canon", 22.3, "Canon APS-C, full width"),
    FilmBack("micro-four-thirds", 17.3, "Panasonic, Olympus, full width"),
    FilmBack("one-inch", 13.2, "1 inch sensors, full width"),
    FilmBack("two-thirds-inch", 8.8, "2/3 inch broadcast cameras"),
    FilmBack("super-35", 24.89, "35 mm film, full aperture, 0.980 inch"),
    FilmBack("academy", 22.0, "35 mm film, sound aperture, 0.866 inch"),
    FilmBack("alexa-35-open-gate", 27.99, "ARRI ALEXA 35, 4.6K 3:2"),
    FilmBack("alexa-35-4k-16x9", 24.88, "ARRI ALEXA 35, 4K 16:9"),
    FilmBack("alexa-mini-open-gate", 28.25, "ARRI ALEXA Mini, 3.4K open gate"),
    FilmBack("alexa-mini-16x9", 23.76, "ARRI ALEXA and ALEXA Mini, 2.8K 16:9"),
    FilmBack("alexa-lf-open-gate", 36.7, "ARRI ALEXA LF and Mini LF, 4.5K open gate"),
    FilmBack("alexa-lf-16x9", 31.68, "ARRI ALEXA LF and Mini LF, 3.8K 16:9"),
    FilmBack("alexa-65-open-gate", 54.12, "ARRI ALEXA 65, 6.5K open gate"),
    FilmBack("venice-6k", 36.2, "Sony VENICE, 6K 3:2"),
    FilmBack("venice-2-8.6k", 35.9, "Sony VENICE 2, 8.6K 3:2"),
    FilmBack("red-monstro-8k", 40.96, "RED MONSTRO VV, 8K full format"),
    FilmBack("red-helium-8k", 29.9, "RED HELIUM S35, 8K full format"),
    FilmBack("pocket-4k", 18.96, "Blackmagic Pocket Cinema Camera 4K, 4K DCI"),
    FilmBack("pocket-6k", 23.1, "Blackmagic Pocket Cinema Camera 6K, 6K"),
    FilmBack("ursa-mini-4.6k", 25.34, "Blackmagic URSA Mini 4.6K, 4.6K"),
)


def film_back(name: str) -> FilmBack:
    """Raises NoFilmBack, which lists those that there are."""
    for back in FILM_BACKS:
        if back.name == name.casefold():
            return back
    names = ", ".join(back.name for back in FILM_BACKS)
    raise NoFilmBack(f"there is no film back {name!r:.60}", hint=f"give its width with --sensor-mm, or one of {names}")
