"""Clips of published footage, as training draws them: the same ones for the same seed and step."""

from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from model_server.errors import BadInput
from model_server.training.clip import Clip, stacked
from model_server.training.color_jitter import jittered
from model_server.training.crops import crop_window, cropped, random_factors
from model_server.training.readers import reader_named
from model_server.training.readers.reader import FootageReader, FrameTruth, clip_of_frames
from model_server.training.sampling import (
    OTHER_RECIPE,
    RECIPES,
    BatchShape,
    ClipPlanner,
    Recipe,
    ShapeLimits,
    batch_shape,
    clip_count,
    clip_rng,
)


@dataclass(frozen=True)
class DatasetSettings:
    """One dataset on disk."""

    name: str  # as `readers.reader_named` knows it
    root: Path
    weight: float | None = None  # how often it is drawn, against the others; None: as official training does

    def __post_init__(self) -> None:
        if self.weight is not None and not self.weight > 0:
            raise BadInput(
                f"{self.name} can't have the weight {self.weight}", hint="leave it out, or give it more than 0"
            )

    @property
    def recipe(self) -> Recipe:
        """What is taken from it."""
        return RECIPES.get(self.name, OTHER_RECIPE)


@dataclass(frozen=True)
class FootageSettings:
    """What is drawn from, and how."""

    datasets: tuple[DatasetSettings, ...]
    shapes: ShapeLimits = field(default_factory=ShapeLimits)
    max_images: int = 0  # a batch has as many clips as this allows, by their length; 0: as many as it is asked for
    augment: bool = True  # crops and colors at random; without, what is cut off is only what the size asks for

    def __post_init__(self) -> None:
        if not self.datasets:
            raise BadInput("there is no footage to learn from", hint="name at least one dataset and its folder")
        if self.max_images < 0:
            raise BadInput(f"a batch can't have {self.max_images} images", hint="32 is usual; 0 takes the batch's size")


@dataclass(frozen=True)
class FootageSource:
    """A ClipSource. It can be sent to other processes; each opens the datasets when it is first asked."""

    settings: FootageSettings
    seed: int

    def batch(self, step: int, size: int, rank: int, world: int) -> Clip:
        """The clips of one step for one process; all have one length and one size, as those of the other processes.

        Clips of a step are numbered through all processes, so `world` processes with `size` clips each draw what one
        with `world * size` would.

        Raises:
            BadInput: a dataset is missing, or a file of it missing or damaged.
        """
        shape = batch_shape(self.settings.shapes, self.seed, step)
        count = clip_count(shape.frame_count, self.settings.max_images) if self.settings.max_images else size
        first = rank * count
        return stacked([self._clip(step, clip, shape) for clip in range(first, first + count)])

    def require(self) -> None:
        """Open the datasets, so that what is missing is said before a run begins.

        Raises:
            BadInput: a dataset, or a file of it, is missing.
        """
        _opened(self.settings.datasets)

    def _clip(self, step: int, number: int, shape: BatchShape) -> Clip:
        rng = clip_rng(self.seed, step, number)
        datasets = _opened(self.settings.datasets)
        weights = np.array([dataset.weight for dataset in datasets])
        dataset = datasets[int(rng.choice(len(datasets), p=weights / weights.sum()))]
        plan = dataset.planner.draw(shape.frame_count, rng)
        sequence = dataset.reader.sequences[plan.sequence].name
        name = f"{dataset.reader.name} {sequence} {','.join(map(str, plan.frames))}"
        frames = [dataset.reader.frame(sequence, index) for index in plan.frames]
        clip = clip_of_frames([self._fitted(frame, dataset.recipe, shape, rng) for frame in frames], name)
        return replace(clip, images=jittered(clip.images, rng)) if self.settings.augment else clip

    def _fitted(self, frame: FrameTruth, recipe: Recipe, shape: BatchShape, rng: np.random.Generator) -> FrameTruth:
        frame = replace(frame, depth=trusted_depth(frame.depth, recipe.percentiles))
        factors = random_factors(rng) if self.settings.augment else (1.0, 1.0)
        window = crop_window(frame, factors, shape.height, shape.width)
        return cropped(frame, window, shape.height, shape.width, sparse=recipe.sparse)


def trusted_depth(depth: NDArray[np.float32], percentiles: tuple[float, float]) -> NDArray[np.float32]:
    """(H, W) without the depths of this frame that lie outside of those percentiles: they are unknown, 0."""
    known = depth[depth > 0]
    if percentiles == (0.0, 100.0) or not known.size:
        return depth
    low, high = np.percentile(known, percentiles)
    return np.where((depth >= low) & (depth <= high), depth, np.float32(0))


@dataclass(frozen=True)
class _Dataset:
    reader: FootageReader
    planner: ClipPlanner
    recipe: Recipe
    weight: float


@cache
def _opened(datasets: tuple[DatasetSettings, ...]) -> tuple[_Dataset, ...]:
    return tuple(_open(dataset) for dataset in datasets)


def _open(settings: DatasetSettings) -> _Dataset:
    reader, recipe = reader_named(settings.name, settings.root), settings.recipe
    try:
        planner = ClipPlanner([sequence.frame_count for sequence in reader.sequences], recipe.strides)
    except ValueError as error:
        raise BadInput(f"no sequence of {settings.name} in '{settings.root}' is long enough for a clip") from error
    return _Dataset(reader, planner, recipe, recipe.weight if settings.weight is None else settings.weight)
