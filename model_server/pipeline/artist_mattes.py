"""The artist's own mattes: what tracking and the solve leave alone, and which things are layers of their own."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from model_server.footage.clip import ClipInfo
from model_server.footage.matte_files import HALF, MatteClip
from model_server.footage.open_mattes import open_mattes
from model_server.geometry.shot import Array
from model_server.settings import MatteFolders


@dataclass(frozen=True)
class ArtistMattes:
    """`exclude` is left out of the solve, and so is every thing of `layers`: it moves."""

    exclude: MatteClip | None = None
    layers: tuple[MatteClip, ...] = ()
    notes: tuple[str, ...] = ()  # in words: what the artist should know

    @classmethod
    def of(cls, folders: MatteFolders | None, info: ClipInfo) -> "ArtistMattes":
        """Open the folders and look every image through.

        Raises:
            BadInput: a folder or an image in it can't be used; the message names it.
        """
        if folders is None:
            return cls()
        exclude, layers, notes = None, [], []
        if folders.exclude is not None:
            exclude, said = open_mattes("exclude", folders.exclude, info, folders.invert, folders.dilate_px)
            notes.append("what the mattes of 'exclude' show is left out of the solve")
            notes.extend(said)
        for name, folder in folders.layers:
            matte, said = open_mattes(name, folder, info, folders.invert, folders.dilate_px)
            layers.append(matte)
            notes.append(f"the layer '{name}' is the artist's own")
            notes.extend(said)
        return cls(exclude, tuple(layers), tuple(notes))

    @property
    def files(self) -> tuple[Path, ...]:
        """All images that count."""
        clips = [*self.layers] if self.exclude is None else [self.exclude, *self.layers]
        return tuple(file for clip in clips for file in clip.files if file is not None)

    def left_out(self, index: int) -> Array | None:
        """(FH, FW) bool, plate pixels that say nothing of the camera at frame `index`; None where all may."""
        clips = [*self.layers] if self.exclude is None else [self.exclude, *self.layers]
        shown = [matte > HALF for clip in clips if (matte := clip.frame(index)) is not None]
        return np.logical_or.reduce(shown) if shown else None
