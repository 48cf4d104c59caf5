"""Which frames a clip takes, and the shape of a batch: drawn from seed, step and number of the clip, and nothing else.

As MODEL_SPEC 5.5 describes official training, but for the splits that are learned from: those are the reader's root.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from model_server.errors import BadInput

PATCH = 14  # the network takes pictures in patches of that many pixels
_START_EVERY = 2  # base pairs begin at every second frame


@dataclass(frozen=True)
class Recipe:
    """What is taken from a dataset for training."""

    weight: float  # its nominal length in official training
    strides: tuple[int, ...]  # empty: frames at random, each as likely every time
    percentiles: tuple[float, float] = (0.0, 100.0)  # depths of a frame outside of these are not trusted
    sparse: bool = False  # its depth has holes between points


# Any other dataset is looked at, not learned from.
RECIPES = {
    "point_odyssey": Recipe(7000, tuple(range(1, 9))),
    "dynamic_replica": Recipe(11000, (1, 2, 3, 4)),
    "kubric": Recipe(5000, (1,), (1, 98)),
    "spring": Recipe(5000, (1, 2, 3), (1, 98)),
    "co3d": Recipe(10000, (), (0, 98), sparse=True),
    "waymo": Recipe(10000, (1, 2, 3, 4), (1, 98), sparse=True),
}
OTHER_RECIPE = Recipe(1000, (1, 2))


@dataclass(frozen=True)
class ShapeLimits:
    """What the shapes of batches are drawn between; both ends are included."""

    width: int = 518
    least_frames: int = 2
    most_frames: int = 16
    least_aspect: float = 0.33  # height / width
    most_aspect: float = 1.0

    def __post_init__(self) -> None:
        if self.width < PATCH or self.width % PATCH:
            raise BadInput(f"pictures can't be {self.width} pixels wide", hint=f"take a multiple of {PATCH}")
        if not 1 <= self.least_frames <= self.most_frames:
            raise BadInput(f"clips can't have {self.least_frames} to {self.most_frames} frames", hint="such as 2 to 16")
        if not 0 < self.least_aspect <= self.most_aspect:
            raise BadInput(f"no picture has aspects from {self.least_aspect} to {self.most_aspect}", hint="0.33 to 1")


@dataclass(frozen=True)
class BatchShape:
    """All clips of a step have it, in every process."""

    frame_count: int
    height: int
    width: int


def batch_shape(limits: ShapeLimits, seed: int, step: int) -> BatchShape:
    """A number of frames, each as likely, and an aspect, to two digits; the height is a multiple of the patch."""
    rng = np.random.default_rng([seed, step])
    frame_count = int(rng.integers(limits.least_frames, limits.most_frames + 1))
    aspect = round(float(rng.uniform(limits.least_aspect, limits.most_aspect)), 2)
    height = max(int(limits.width * aspect) // PATCH, 1) * PATCH
    return BatchShape(frame_count, height, limits.width)


def clip_count(frame_count: int, max_images: int) -> int:
    """How many clips of that many frames make a batch of at most `max_images`, but one at least."""
    return max(1, max_images // frame_count)


def clip_rng(seed: int, step: int, clip: int) -> np.random.Generator:
    """What everything about one clip of a step is drawn from; `clip` counts through all processes."""
    return np.random.default_rng([seed, step, clip + 1])


@dataclass(frozen=True)
class ClipPlan:
    """Which frames make a clip."""

    sequence: int
    frames: tuple[int, ...]


class ClipPlanner:
    """Draws clips of one dataset: its sequences and strides by how many base pairs each has."""

    def __init__(self, frame_counts: Sequence[int], strides: Sequence[int]) -> None:
        """Raises ValueError: no sequence is long enough."""
        self._frame_counts, self._strides = tuple(frame_counts), tuple(strides)
        pairs = [_pair_count(count, stride) for count in frame_counts for stride in strides]
        self._ends = np.cumsum(pairs if strides else [int(count > 0) for count in frame_counts])
        if not len(self._ends) or not self._ends[-1]:
            raise ValueError("no sequence is long enough")

    def draw(self, frame_count: int, rng: np.random.Generator) -> ClipPlan:
        """A clip of that many frames: a base pair, each as likely, and what lies around it at its stride."""
        place = int(rng.integers(self._ends[-1]))
        found = int(np.searchsorted(self._ends, place, side="right"))
        if not self._strides:
            return ClipPlan(found, tuple(rng.integers(self._frame_counts[found], size=frame_count).tolist()))
        sequence, stride = found // len(self._strides), self._strides[found % len(self._strides)]
        start = _START_EVERY * (place - (int(self._ends[found - 1]) if found else 0))
        return ClipPlan(sequence, run_around(start, stride, self._frame_counts[sequence], frame_count))


def run_around(start: int, stride: int, sequence_length: int, frame_count: int) -> tuple[int, ...]:
    """`frame_count` frames at that stride which hold start and start + stride.

    They go on to the right as long as there are frames, then to the left; where the sequence is too short, its last
    frame is repeated.
    """
    lattice = range(start % stride, sequence_length, stride)
    first = lattice.index(start)
    stop = min(first + frame_count, len(lattice))
    frames = list(lattice[max(stop - frame_count, 0) : stop])
    return tuple(frames + [frames[-1]] * (frame_count - len(frames)))


def _pair_count(frame_count: int, stride: int) -> int:
    return max(0, frame_count - 2 * stride + _START_EVERY) // _START_EVERY
