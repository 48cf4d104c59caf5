"""Cuts the photographs behind `photos.jpg`; LICENSE.md says where they are from. Run again only to change them.

    python -m model_server.training.synthetic.make_textures OFFICE SKIMAGE

OFFICE holds 00000.png... of deep-video-mvs' hololens-dataset/000, SKIMAGE the folder skimage/data of scikit-image 0.18.
"""

import sys
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

TILE = 128
COLUMNS = 6


@dataclass(frozen=True)
class Cut:
    """A square of a photograph: its left, top and side in pixels."""

    file: str
    left: int
    top: int
    side: int


# The first twelve are for training, the last six are held out: other frames, other rooms, other photographs.
CUTS = (
    Cut("brick.png", 40, 100, 360),
    Cut("grass.png", 60, 60, 300),
    Cut("chelsea.png", 90, 20, 260),
    Cut("00036.png", 185, 200, 100),
    Cut("00014.png", 225, 15, 140),
    Cut("00002.png", 245, 210, 110),
    Cut("00014.png", 300, 275, 85),
    Cut("00030.png", 5, 0, 120),
    Cut("00036.png", 300, 100, 140),
    Cut("00042.png", 245, 55, 130),
    Cut("00044.png", 60, 40, 150),
    Cut("00024.png", 110, 40, 150),
    Cut("gravel.png", 80, 80, 300),
    Cut("coffee.png", 130, 30, 340),
    Cut("00054.png", 130, 200, 130),
    Cut("00058.png", 420, 85, 110),
    Cut("00050.png", 10, 70, 130),
    Cut("00058.png", 135, 15, 115),
)


def make_photos(folders: list[Path], target: Path) -> None:
    """Write the tiles, row by row, as one picture.

    Args:
        folders: where the files of `CUTS` are looked for.
        target: the picture to write.
    """
    tiles = [_cut(cut, folders) for cut in CUTS]
    rows = [np.hstack(tiles[start : start + COLUMNS]) for start in range(0, len(tiles), COLUMNS)]
    if not cv2.imwrite(str(target), np.vstack(rows), [cv2.IMWRITE_JPEG_QUALITY, 90]):
        raise OSError(f"{target} cannot be written")


def _cut(cut: Cut, folders: list[Path]) -> np.ndarray:
    paths = [folder / cut.file for folder in folders if (folder / cut.file).is_file()]
    if not paths:
        raise FileNotFoundError(f"{cut.file} is in none of {[str(folder) for folder in folders]}")
    picture = cv2.imread(str(paths[0]), cv2.IMREAD_COLOR)
    if picture is None:
        raise OSError(f"{paths[0]} cannot be read")
    square = picture[cut.top : cut.top + cut.side, cut.left : cut.left + cut.side]
    return cv2.resize(square, (TILE, TILE), interpolation=cv2.INTER_AREA if cut.side > TILE else cv2.INTER_CUBIC)


if __name__ == "__main__":
    make_photos([Path(folder) for folder in sys.argv[1:]], Path(__file__).parent / "photos.jpg")
