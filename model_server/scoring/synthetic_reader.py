"""Our own held-out clips as a dataset: exact truth for every task, and nothing to download."""

from functools import lru_cache

import numpy as np

from model_server.training.clip import Clip
from model_server.training.readers.reader import FrameTruth, SequenceInfo

CLIPS = 20  # of each kind; benchmarks/mini.py looks at ten times as many
_KINDS = {"moving": 1.0, "still": 0.0}


class SyntheticReader:
    """`moving_00` .. and `still_00` ..: 6 frames of 112 x 84 with seeds and textures that no training sees."""

    name = "synthetic"

    def __init__(self) -> None:
        self._drawn = lru_cache(maxsize=1)(_draw)
        frames = self._drawn(f"{next(iter(_KINDS))}_00").images.shape[0]
        names = [f"{kind}_{number:02d}" for kind in _KINDS for number in range(CLIPS)]
        self.sequences = tuple(SequenceInfo(name, frames) for name in names)

    def frame(self, sequence: str, index: int) -> FrameTruth:
        """See FootageReader."""
        clip = self._drawn(sequence)
        image = (clip.images[index].permute(1, 2, 0) * 255).round().byte().numpy()
        depth = np.where(clip.valid[index].numpy(), clip.depth[index].numpy(), np.float32(0))
        return FrameTruth(
            image=image,
            depth=depth,
            camera_from_world=clip.camera_from_world[index].double().numpy(),
            intrinsics=clip.intrinsics[index].double().numpy(),
            moving=None if clip.moving is None else clip.moving[index].numpy(),
        )


def _draw(sequence: str) -> Clip:
    from model_server.training.synthetic.draw import SceneSettings, Split, draw_clips, seeds_of

    kind, number = sequence.split("_")
    settings = SceneSettings(moving_share=_KINDS[kind], textures=Split.HELD_OUT)
    # Still clips take other seeds than moving ones: no scene is looked at twice.
    place = int(number) + CLIPS * list(_KINDS).index(kind)
    clips: Clip = draw_clips(seeds_of(Split.HELD_OUT, place, 1), settings)
    return clips[0]
