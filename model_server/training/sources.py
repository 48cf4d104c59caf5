"""Where clips come from, the same ones for the same step, seed and process."""

import bisect
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import accumulate
from pathlib import Path
from typing import Protocol

from model_server.errors import BadInput
from model_server.training.clip import Clip
from model_server.training.config import DataSettings, TrainingConfig
from model_server.training.config_file import settings_from
from model_server.training.readers import reader_names
from model_server.training.sampling import ShapeLimits
from model_server.training.synthetic.settings import SceneSettings, Split, seeds_of

SYNTHETIC = "synthetic"


class ClipSource(Protocol):
    """Hands out batches. It is sent to other processes, so it holds settings and opens what it needs when asked."""

    def batch(self, step: int, size: int, rank: int, world: int) -> Clip:
        """The clips of one step for one process: the same whenever and wherever they are asked for.

        Clips are numbered; those of a step follow those of the step before, and the processes share them in order, so
        that `world` processes with `size` clips each see what one with `world * size` would.

        Args:
            size: clips in the batch.
            rank: which of the `world` processes asks.
        """
        ...


@dataclass(frozen=True)
class SyntheticSource:
    """Clips that are drawn when they are asked for."""

    settings: SceneSettings
    first_seed: int

    def batch(self, step: int, size: int, rank: int, world: int) -> Clip:
        """As in `ClipSource`."""
        from model_server.training.synthetic.draw import draw_clips

        first = self.first_seed + (step * world + rank) * size
        return draw_clips(range(first, first + size), self.settings)


@dataclass(frozen=True)
class Mixture:
    """Each step is one source's, drawn by weight; all processes draw the same."""

    sources: tuple[ClipSource, ...]
    weights: tuple[float, ...]
    seed: int

    def batch(self, step: int, size: int, rank: int, world: int) -> Clip:
        """As in `ClipSource`."""
        ends = list(accumulate(self.weights))
        place = random.Random(f"{self.seed} {step}").random() * ends[-1]
        return self.sources[min(bisect.bisect(ends, place), len(ends) - 1)].batch(step, size, rank, world)


def clip_source(config: TrainingConfig, held_out: bool = False) -> ClipSource:
    """The clips that a run learns from, or those that it is looked at with.

    Raises:
        BadInput: a source is unknown, has a setting that it should not, or its files are missing.
    """
    sources = tuple(_source(data, config.train.seed, held_out) for data in config.data)
    return Mixture(sources, tuple(data.weight for data in config.data), config.train.seed)


def _source(data: DataSettings, seed: int, held_out: bool) -> ClipSource:
    if data.kind not in _KINDS:
        raise BadInput(f"{data.kind!r} is no kind of data", hint=f"there are: {', '.join(_KINDS)}")
    return _KINDS[data.kind](data, seed, held_out)


def _synthetic(data: DataSettings, seed: int, held_out: bool) -> ClipSource:
    split = Split.HELD_OUT if held_out else Split.TRAIN
    settings = settings_from(SceneSettings, {**data.options, "textures": split.value}, f"data.{SYNTHETIC}")
    return SyntheticSource(settings, seeds_of(split, seed * _CLIPS_PER_SEED, 1)[0])


@dataclass(frozen=True)
class DatasetTable:
    """What a configuration says of one dataset on disk, beside its kind and weight."""

    root: Path
    held_out_root: str = ""  # what the run is looked at with; none: other clips of the footage at `root`
    max_images: int = 0  # as in `footage_source.FootageSettings`
    augment: bool = True
    shapes: ShapeLimits = field(default_factory=ShapeLimits)


def _footage(data: DataSettings, seed: int, held_out: bool) -> ClipSource:
    from model_server.training.footage_source import DatasetSettings, FootageSettings, FootageSource

    table = settings_from(DatasetTable, data.options, f"data.{data.kind}")
    root = Path(table.held_out_root) if held_out and table.held_out_root else table.root
    settings = FootageSettings(
        (DatasetSettings(data.kind, root),), table.shapes, table.max_images, table.augment and not held_out
    )
    source = FootageSource(settings, seed + _HELD_OUT_SEED if held_out else seed)
    source.require()
    return source


_HELD_OUT_SEED = 1 << 31  # apart from those of any run
_CLIPS_PER_SEED = 1 << 30  # seeds of clips that one run may use: runs with other seeds see other clips
_Maker = Callable[[DataSettings, int, bool], ClipSource]
_WITHOUT_CAMERAS = ("davis", "kitti")  # read for scoring; a network can't learn from them
_LEARNED_FROM = tuple(name for name in reader_names() if name not in _WITHOUT_CAMERAS)
_KINDS: dict[str, _Maker] = {SYNTHETIC: _synthetic, **dict.fromkeys(_LEARNED_FROM, _footage)}
