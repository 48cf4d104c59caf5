"""The same drawn clips in several batches: drawing takes about as long as learning from what was drawn."""

import random
from dataclasses import dataclass, field, fields, replace
from typing import Any

from torch import Tensor

from model_server.training.clip import Clip
from model_server.training.sources import ClipSource

_APART = 8  # batches between one view of a clip and the next


@dataclass(frozen=True)
class Views:
    """Each batch of `source` is seen `count` times, each time half of its frames, in another order.

    The first of them is the world, so that other frames, and other ways between them, are to be found each time.
    """

    source: ClipSource
    count: int
    seed: int
    _kept: dict[int, tuple[int, Clip]] = field(default_factory=dict, compare=False)  # by slot: its number, and what

    def batch(self, step: int, size: int, rank: int, world: int) -> Clip:
        """As in `ClipSource`."""
        visit, slot = divmod(step, _APART)
        drawn = (visit + slot * self.count // _APART) // self.count * _APART + slot
        number, clips = self._kept.get(slot, (-1, None))
        if clips is None or number != drawn:
            clips = self.source.batch(drawn, size, rank, world)
            self._kept[slot] = drawn, clips
        frames = clips.images.shape[1]
        half = min(frames, max(2, (frames + 1) // 2))  # one frame alone has no camera to find
        return of_frames(clips, random.Random(f"{self.seed} {step}").sample(range(frames), half))


def of_frames(clips: Clip, frames: list[int]) -> Clip:
    """Some frames of a batch of clips, in that order; without flow, which goes from each frame to the next."""
    clips = replace(clips, flow=None)
    values = ((item.name, getattr(clips, item.name)) for item in fields(clips))
    chosen: dict[str, Any] = {name: value[:, frames] for name, value in values if isinstance(value, Tensor)}
    return replace(clips, **chosen)
