"""The textures: tiles of procedural noise and of photographs, each with its smaller versions."""

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import Tensor

from model_server.training.synthetic.settings import Split

TILE = 128
LEVELS = 6  # 128, 64, ... 4 texels
PHOTO_COLUMNS, TRAINING_PHOTOS = 6, 12
# How many tiles of each kind of pattern: for training and held out.
PATTERN_COUNTS = {Split.TRAIN: 5, Split.HELD_OUT: 2}


@dataclass(frozen=True)
class Tiles:
    """Which tiles there are of what; a tile's number is its place in the atlas."""

    plain: tuple[int, ...]  # faint unevenness
    cloudy: tuple[int, ...]
    grainy: tuple[int, ...]
    laid: tuple[int, ...]  # bricks, planks, slabs
    printed: tuple[int, ...]  # stripes, dots, checks
    windows: tuple[int, ...]  # fronts of houses
    photos: tuple[int, ...]

    def all(self) -> tuple[int, ...]:
        """Every tile."""
        return self.plain + self.cloudy + self.grainy + self.laid + self.printed + self.windows + self.photos


def tiles_of(split: Split) -> Tiles:
    """The tiles of a split; no tile is in both."""
    split = Split(split)
    held_out = split is Split.HELD_OUT
    each = PATTERN_COUNTS[split]
    first = len(_PATTERNS) * PATTERN_COUNTS[Split.TRAIN] if held_out else 0
    groups = {
        name: tuple(range(first + place * each, first + (place + 1) * each)) for place, name in enumerate(_PATTERNS)
    }
    photo_base = len(_PATTERNS) * sum(PATTERN_COUNTS.values())
    photos = range(TRAINING_PHOTOS, PHOTO_COLUMNS * 3) if held_out else range(TRAINING_PHOTOS)
    return Tiles(**groups, photos=tuple(photo_base + photo for photo in photos))


@cache
def atlas(device: str) -> Tensor:
    """All tiles with their levels, (3, tiles * texels) float32 of 0..1; made on first use and then kept."""
    tiles = []
    for split in (Split.TRAIN, Split.HELD_OUT):
        for name, pattern in _PATTERNS.items():
            for number in range(PATTERN_COUNTS[split]):
                random = np.random.default_rng([list(_PATTERNS).index(name), number, split is Split.HELD_OUT])
                tiles.append(pattern(random))
    tiles += _photos()
    texels = [_levels(np.clip(tile, 0, 1).astype(np.float32)) for tile in tiles]
    return torch.from_numpy(np.concatenate(texels).T.copy()).to(device)


def texels_at(tiles: Tensor, u: Tensor, v: Tensor, level: Tensor) -> Tensor:
    """Look up textures between their texels; beyond its edge a tile goes on mirrored.

    Args:
        tiles: (N,) int64 numbers of tiles.
        u, v: (N,) in tiles.
        level: (N,) how coarse, 0: the finest; rounded and limited to what there is.

    Returns:
        (3, N) of 0..1.
    """
    starts = torch.tensor(_LEVEL_STARTS, device=u.device)
    step = level.round().clamp(0, LEVELS - 1).long()
    side = TILE >> step
    base = tiles * _LEVEL_STARTS[-1] + starts[step]
    x, x_part, next_x = _mirrored(u, side)
    y, y_part, next_y = _mirrored(v, side)
    table = atlas(str(u.device))
    row, next_row = base + y * side, base + next_y * side
    corners = (row + x, row + next_x, next_row + x, next_row + next_x)
    channels = []
    for channel in table:  # each for itself: three times gathering numbers is much quicker than gathering threes once
        here, beside, below, across = (channel.index_select(0, corner) for corner in corners)
        channels.append(here.lerp(beside, x_part).lerp(below.lerp(across, x_part), y_part))
    return torch.stack(channels)


_LEVEL_STARTS = [sum((TILE >> level) ** 2 for level in range(count)) for count in range(LEVELS + 1)]


def _mirrored(place: Tensor, side: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """The texel before a place, how far it is to the next one, and that one."""
    folded = 1 - ((place * 0.5 - (place * 0.5).floor()) * 2 - 1).abs()
    texel = (folded * side - 0.5).clamp(min=0)
    before = texel.long()
    before = torch.minimum(before, side - 1)
    return before, (texel - before).clamp(max=1), torch.minimum(before + 1, side - 1)


def _levels(tile: np.ndarray) -> np.ndarray:
    levels = [tile.reshape(-1, 3)]
    while len(levels) < LEVELS:
        side = tile.shape[0] // 2
        tile = tile.reshape(side, 2, side, 2, 3).mean((1, 3))
        levels.append(tile.reshape(-1, 3))
    return np.concatenate(levels)


def _photos() -> list[np.ndarray]:
    data = np.frombuffer((Path(__file__).parent / "photos.jpg").read_bytes(), np.uint8)
    photos = cv2.imdecode(data, cv2.IMREAD_COLOR)
    if photos is None:
        raise OSError("photos.jpg next to textures.py cannot be read")
    picture = photos[..., ::-1] / 255.0
    rows = [picture[top : top + TILE] for top in range(0, picture.shape[0], TILE)]
    return [row[:, left : left + TILE] for row in rows for left in range(0, row.shape[1], TILE)]


def _noise(random: np.random.Generator, slope: float, stretch: float = 1.0) -> np.ndarray:
    """(TILE, TILE) of 0..1 whose amplitude falls with frequency ** -slope; streaks along x where stretch > 1."""
    down, across = np.meshgrid(np.fft.fftfreq(TILE), np.fft.fftfreq(TILE), indexing="ij")
    frequency = np.hypot(down, across * stretch) * TILE
    frequency[0, 0] = np.inf
    spectrum = np.fft.fft2(random.standard_normal((TILE, TILE))) * np.maximum(frequency, 1.0) ** -slope
    field = np.fft.ifft2(spectrum).real
    noise: np.ndarray = np.clip(0.5 + 0.22 * (field - field.mean()) / field.std(), 0, 1)
    return noise


def _colored(main: np.ndarray, second: np.ndarray, third: np.ndarray) -> np.ndarray:
    return np.stack([main, second, third], -1)


def _plain(random: np.random.Generator) -> np.ndarray:
    fine, coarse = _noise(random, 0.6), _noise(random, 1.8)
    main = 0.5 + 0.25 * (coarse - 0.5) + 0.15 * (fine - 0.5)
    return _colored(main, 0.5 + 0.3 * (_noise(random, 1.6) - 0.5), 0.5 + 0.3 * (fine - 0.5))


def _cloudy(random: np.random.Generator) -> np.ndarray:
    slope = random.uniform(1.1, 1.8)
    main = np.clip(0.5 + random.uniform(1.0, 2.2) * (_noise(random, slope) - 0.5), 0, 1)
    return _colored(main, _noise(random, 1.4), _noise(random, 0.8))


def _grainy(random: np.random.Generator) -> np.ndarray:
    grain = _noise(random, random.uniform(0.3, 0.9), random.choice([1.0, 1.0, 8.0, 0.12]))
    return _colored(np.clip(0.5 + 1.3 * (grain - 0.5), 0, 1), _noise(random, 1.2), _noise(random, 0.5))


def _laid(random: np.random.Generator) -> np.ndarray:
    rows, columns = int(random.integers(3, 9)), int(random.integers(1, 5))
    shift, joint = random.choice([0.0, 0.5, 0.33]), random.uniform(0.02, 0.08)
    y, x = np.mgrid[0:TILE, 0:TILE] / TILE
    row = np.floor(y * rows).astype(int)
    place = x * columns + row * shift
    column = np.floor(place).astype(int) % columns
    tone = random.random((rows, columns + 1))[row, column]
    gap = (np.abs(y * rows % 1 - 0.5) > 0.5 - joint) | (np.abs(place % 1 - 0.5) > 0.5 - joint * columns / rows)
    stone = 0.35 + 0.45 * tone + 0.5 * (_noise(random, 0.9, random.choice([1.0, 10.0])) - 0.5)
    return _colored(np.where(gap, 0.05, stone), np.where(gap, 0.5, tone), _noise(random, 1.0))


def _printed(random: np.random.Generator) -> np.ndarray:
    y, x = np.mgrid[0:TILE, 0:TILE] / TILE
    count = int(random.integers(2, 8))
    kind = int(random.integers(0, 4))
    if kind == 0:
        mark = (np.sin(2 * np.pi * count * x) > random.uniform(-0.6, 0.6)).astype(float)
    elif kind == 1:
        mark = ((np.floor(x * count) + np.floor(y * count)) % 2).astype(float)
    elif kind == 2:
        mark = (np.hypot(x * count % 1 - 0.5, y * count % 1 - 0.5) < random.uniform(0.2, 0.42)).astype(float)
    else:
        mark = (_noise(random, 1.6) > random.uniform(0.45, 0.6)).astype(float)
    wear = 0.3 * (_noise(random, 1.0) - 0.5)
    return _colored(np.clip(0.1 + 0.75 * mark + wear, 0, 1), 0.5 + wear, _noise(random, 0.8))


def _windows(random: np.random.Generator) -> np.ndarray:
    rows, columns = int(random.integers(2, 4)), int(random.integers(2, 5))
    y, x = np.mgrid[0:TILE, 0:TILE] / TILE
    down, across = y * rows % 1 - 0.5, x * columns % 1 - 0.5
    high, wide = random.uniform(0.25, 0.38), random.uniform(0.18, 0.36)
    glass = (np.abs(down) < high) & (np.abs(across) < wide)
    frame = (np.abs(down) < high + 0.04) & (np.abs(across) < wide + 0.04) & ~glass
    frame |= glass & (np.abs(across) < 0.015)
    shine = random.random((rows, columns))[np.floor(y * rows).astype(int), np.floor(x * columns).astype(int)]
    wall = 0.55 + 0.3 * (_noise(random, 1.0) - 0.5)
    main = np.where(glass, 0.02 + 0.25 * shine**3, np.where(frame, 0.9, wall))
    return _colored(main, np.where(glass, 0.5, _noise(random, 1.2)), np.where(glass, 0.5, _noise(random, 0.6)))


_PATTERNS = {
    "plain": _plain,
    "cloudy": _cloudy,
    "grainy": _grainy,
    "laid": _laid,
    "printed": _printed,
    "windows": _windows,
}
