"""Endless synthetic clips: `draw_clips` gives those of any seeds, with exact truth."""

from collections.abc import Sequence
from dataclasses import replace

import torch

from model_server.errors import BadInput
from model_server.training.clip import Clip, stacked
from model_server.training.synthetic.compose import compose
from model_server.training.synthetic.render import render
from model_server.training.synthetic.scene import batched
from model_server.training.synthetic.settings import SceneSettings, Split, seeds_of, split_of

__all__ = ["SceneSettings", "Split", "draw_clips", "seeds_of", "split_of"]

# One clip fits a core's cache; a graphics card wants many rays at once.
AT_ONCE_CPU, AT_ONCE_CARD = 1, 16


def draw_clips(seeds: Sequence[int], settings: SceneSettings | None = None, device: torch.device | str = "cpu") -> Clip:
    """A batch of clips, one for each seed; a seed gives the same clip in every batch.

    Args:
        seeds: of the settings' split (see `seeds_of`).
        settings: size and kind of the clips.
        device: where to draw. On another device the same scene is drawn, its last digits differ.

    Returns:
        A clip with a leading B: meters, world axes x right, y down, z forward with the floor at y = 0.

    Raises:
        BadInput: for no seeds, or seeds of the other split.
    """
    settings = settings or SceneSettings()
    if not seeds:
        raise BadInput("there are no seeds to draw clips of", hint="give one seed for each clip")
    for seed in seeds:
        if split_of(seed) is not settings.textures:
            raise BadInput(
                f"seed {seed} is of {split_of(seed)}, the textures are of {settings.textures}",
                hint="take the seeds from seeds_of(settings.textures, ...)",
            )
    device = torch.device(device)
    at_once = AT_ONCE_CPU if device.type == "cpu" else AT_ONCE_CARD
    clips: list[Clip] = []
    for start in range(0, len(seeds), at_once):
        scenes = batched([compose(seed, settings) for seed in seeds[start : start + at_once]])
        drawn = render(scenes.to(device), settings)
        clips += [drawn[place] for place in range(len(drawn.depth))]
    names = ", ".join(f"synthetic {seed}" for seed in seeds)
    return replace(stacked(clips), name=names)
