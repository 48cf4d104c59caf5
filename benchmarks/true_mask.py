"""What PAGE-4D's mask could be worth to a small network: its own, and the true ones in its place.

    python benchmarks/true_mask.py FILE.safetensors [--clips 200] [--moving-over 0.2]

FILE is what a training run with the mask has exported. Each clip is one of `benchmarks/mini.py`'s, in which something
moves. Printed: the mean error of turns and of paths with no mask, and how much each mask changes it, with 95 %
confidence intervals; of all clips, and of those in which more than a share of the picture moves.

A key lowers the attention of special tokens to a patch by up to 32 (MODEL_SPEC 2.4): e to the minus 32 is none at all.
"""

import argparse
from collections.abc import Callable, Mapping
from pathlib import Path
from unittest.mock import patch

import numpy as np
import torch
from mini import FIRST
from torch import Tensor
from torch.nn import functional

from model_server.scoring.mini import ATE, ROTATION, Values, estimated, joined, score_clips
from model_server.scoring.network_file import FileNetwork, network_of_file
from model_server.training.clip import Clip

STRENGTH = 64.0
_MOVES = 0.15  # of a patch
_HIDDEN = -0.5  # a key: nothing is seen of this patch
# From the share of each patch that moves to keys; what is not hidden keeps 0, as special tokens do.
MASKS: dict[str, Callable[[Tensor], Tensor]] = {
    "what moves is hidden": lambda moving: _HIDDEN * (moving > _MOVES),
    "what stands is hidden": lambda moving: _HIDDEN * (moving <= _MOVES),
    "every patch is hidden": lambda moving: torch.full_like(moving, _HIDDEN),
}


def main() -> None:
    """Print the tables."""
    from model_server.training.synthetic.draw import SceneSettings, Split, draw_clips, seeds_of

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("weights", type=Path, metavar="FILE")
    parser.add_argument("--clips", type=int, default=200)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--moving-over", type=float, default=0.2, help="share of the picture, for the second table")
    asked = parser.parse_args()
    network = network_of_file(asked.weights)
    if network.network.config.mask is None:
        parser.error(f"{asked.weights} has no mask; give weights that were trained with one")
    settings = SceneSettings(moving_share=1.0, travel=4.0, textures=Split.HELD_OUT)
    found: dict[str, list[Mapping[str, Values]]] = {}
    shares = []
    for start in range(0, asked.clips, asked.batch):
        seeds = seeds_of(Split.HELD_OUT, FIRST + start, min(asked.batch, asked.clips - start))
        clips = draw_clips(seeds, settings, torch.device("cpu"))
        assert clips.moving is not None
        shares.append(clips.moving.float().mean((1, 2, 3)).numpy())
        for name, figures in _figures(network, clips, clips.moving).items():
            found.setdefault(name, []).append(figures)
    everything = {name: joined(batches) for name, batches in found.items()}
    share = np.concatenate(shares)
    _table("all", everything, np.ones(len(share), bool))
    _table(f"over {asked.moving_over:.0%} moves", everything, share > asked.moving_over)


def _figures(network: FileNetwork, clips: Clip, moving: Tensor) -> dict[str, Mapping[str, Values]]:
    """Of each mask, by its name; `moving` is (B, S, H, W) bool."""
    aggregator, size = network.network.aggregator, network.network.config.patch
    height, width = clips.images.shape[-2:]
    share = functional.adaptive_avg_pool2d(moving.float().flatten(0, 1), (height // size, width // size))
    figures = {
        "none": score_clips(network.network, 0.0, clips),
        "its own": score_clips(network.network, STRENGTH, clips),
    }
    for name, keys_of in MASKS.items():
        keys = keys_of(share)
        with patch.object(aggregator.mask_head, "forward", lambda _, keys=keys: keys):
            figures[name] = score_clips(network.network, STRENGTH, clips)
    return figures


def _table(kind: str, figures: Mapping[str, Mapping[str, Values]], which: np.ndarray) -> None:
    print(f"| mask ({kind}, {which.sum()} clips) | {ROTATION} | change | {ATE} | change |")
    print("| --- | --- | --- | --- | --- |")
    for name, values in figures.items():
        cells = [name]
        for figure in (ROTATION, ATE):
            of, without = values[figure][which], figures["none"][figure][which]
            mean, change = estimated(of), estimated(of - without)
            assert mean is not None
            assert change is not None
            cells += [f"{mean.mean:.3f}", f"{change.mean:+.3f} [{change.low:+.3f}, {change.high:+.3f}]"]
        print(f"| {' | '.join(cells)} |", flush=True)
    print()


if __name__ == "__main__":
    main()
