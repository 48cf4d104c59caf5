"""What the check found a clip to be: all that is needed to open it again without a second check."""

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

from model_server.footage.clip import ClipInfo
from model_server.footage.image_clip import ImageClip
from model_server.footage.movie import MovieClip
from model_server.footage.movie_index import MovieIndex

OpenClip = MovieClip | ImageClip


@dataclass(frozen=True)
class Source:
    """A clip's facts, and for a movie where its pictures lie."""

    info: ClipInfo
    movie: MovieIndex | None = None

    def to_json(self) -> dict[str, Any]:
        """Plain values that go through `json` unchanged."""
        info, movie = self.info, self.movie
        return {
            "name": info.name,
            "files": [str(file) for file in info.files],
            "size": [info.width, info.height],
            "pixel_aspect": info.pixel_aspect,
            "fps": [info.fps.numerator, info.fps.denominator],
            "frame_numbers": info.frame_numbers,
            "notes": info.notes,
            "movie": movie
            and {"count": movie.count, "declared": movie.declared, "times": movie.times, "keys": movie.keys},
        }

    @staticmethod
    def from_json(values: dict[str, Any]) -> "Source":
        info = ClipInfo(
            name=values["name"],
            files=tuple(Path(file) for file in values["files"]),
            width=values["size"][0],
            height=values["size"][1],
            pixel_aspect=values["pixel_aspect"],
            fps=Fraction(*values["fps"]),
            frame_numbers=tuple(values["frame_numbers"]),
            notes=tuple(values["notes"]),
        )
        movie = values["movie"]
        return Source(
            info,
            movie
            and MovieIndex(
                movie["count"],
                movie["declared"],
                tuple(movie["times"]),
                tuple((time, target) for time, target in movie["keys"]),
            ),
        )


def clip_of(source: Source) -> OpenClip:
    """The clip itself; no file is touched before a frame is asked for."""
    return ImageClip(source.info) if source.movie is None else MovieClip(source.info, source.movie)


def source_of(clip: OpenClip) -> Source:
    """What `clip` was made from."""
    return Source(clip.info, clip.index if isinstance(clip, MovieClip) else None)
