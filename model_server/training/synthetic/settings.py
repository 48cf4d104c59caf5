"""What clips are asked for, and which seeds and textures belong to training and which are held out."""

from dataclasses import dataclass
from enum import StrEnum

from model_server.errors import BadInput

# Seeds below are for training, those from here on are held out: nobody needs a list to keep them apart.
FIRST_HELD_OUT_SEED = 1 << 40
SEED_END = 1 << 41


class Split(StrEnum):
    """What a seed or a texture may be used for."""

    TRAIN = "train"
    HELD_OUT = "held_out"


@dataclass(frozen=True)
class SceneSettings:
    """Clips of one kind. `draw_clips` gives the same clip for the same seed and settings.

    Raises:
        BadInput: for a size or a share that cannot be drawn.
    """

    frames: int = 6
    width: int = 112
    height: int = 84
    moving_share: float = 1.0  # of the clips in which something moves; 0: all still, 1: something moves in each
    textures: Split = Split.TRAIN
    travel: float = 1.0  # how far cameras go, against a shot of about a second; 3: frames are farther apart
    color_samples: int = 3  # moments of the shutter, each a ray through another place in the pixel

    def __post_init__(self) -> None:
        object.__setattr__(self, "textures", Split(self.textures))
        if self.frames < 2:
            raise BadInput(f"a clip of {self.frames} frames shows no motion", hint="ask for 2 frames or more")
        if min(self.width, self.height) < 8:
            raise BadInput(f"{self.width} x {self.height} pixels are too few", hint="ask for 8 x 8 or more")
        if not 0 <= self.moving_share <= 1:
            raise BadInput(f"moving_share is {self.moving_share}", hint="give a share between 0 and 1")
        if not 0 < self.travel <= 10:
            raise BadInput(f"travel is {self.travel}", hint="give a number over 0 and up to 10")
        if self.color_samples < 1:
            raise BadInput(f"color_samples is {self.color_samples}", hint="give 1 or more")


def split_of(seed: int) -> Split:
    """Whether a seed is for training or held out.

    Raises:
        BadInput: for a seed outside of [0, SEED_END).
    """
    if not 0 <= seed < SEED_END:
        raise BadInput(f"{seed} is no seed of a clip", hint=f"seeds go from 0 to {SEED_END - 1}")
    return Split.HELD_OUT if seed >= FIRST_HELD_OUT_SEED else Split.TRAIN


def seeds_of(split: Split, start: int, count: int) -> list[int]:
    """`count` seeds of a split from its `start`-th on.

    Raises:
        BadInput: when the split has no such seeds.
    """
    first = FIRST_HELD_OUT_SEED if Split(split) is Split.HELD_OUT else 0
    seeds = list(range(first + start, first + start + count))
    for seed in (seeds[:1] + seeds[-1:]) if start >= 0 else [-1]:
        if split_of(seed) is not Split(split):
            raise BadInput(f"seed {seed} is not of the split {split}", hint="start further down")
    return seeds
