"""The synthetic clip as files that a user could have: a numbered sequence."""

from pathlib import Path

import cv2
from synthetic import SyntheticClip, synthetic_clip

FIRST_FRAME = 1001


def small_clip() -> SyntheticClip:
    """The smallest clip that every stage still has work with: seconds to solve."""
    return synthetic_clip(frames=8, width=160, height=120, focal=140.0)


def write_sequence(folder: Path, clip: SyntheticClip) -> list[Path]:
    """`folder/room.1001.png` and on."""
    folder.mkdir(parents=True)
    files = [folder / f"room.{FIRST_FRAME + index}.png" for index in range(len(clip.images))]
    for file, image in zip(files, clip.images):
        cv2.imwrite(str(file), image[..., ::-1])
    return files
