"""What page4d-mini's mask is worth: networks of its size on held-out synthetic clips, still and moving apart.

    python benchmarks/mini.py VGGT-mini=vggt.safetensors no-mask=no_mask.safetensors PAGE-4D-mini=mini.safetensors

Prints tables for benchmarks/RESULTS.md: means with 95 % confidence intervals (bootstrap over clips), and the paired
differences between models. Seeds and textures are those that no training sees; all models see the same clips.
"""

import argparse
import platform
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch

from model_server.scoring.mini import differences_table, figures_table, joined, score_clips, score_nothing
from model_server.scoring.network_file import network_of_file
from model_server.training.clip import Clip

NOTHING = "a camera that stands, one depth"
KINDS = {"moving": 1.0, "still": 0.0}
FIRST = 1 << 39  # of the held-out seeds: far from those that are looked at during training, and by `evaluate`


def main() -> None:
    """Score all models on the same clips, kind by kind."""
    from model_server.training.synthetic.draw import SceneSettings, Split

    asked = _asked()
    device = torch.device(asked.device)
    models = {name: network_of_file(Path(path), device) for name, _, path in (m.partition("=") for m in asked.models)}
    size = f"{asked.frames} frames of {asked.width} x {asked.height}, travel {asked.travel:g}"
    print(f"{asked.clips} clips of each kind, {size}, on {_machine(device)}\n")
    for place, (kind, share) in enumerate(KINDS.items()):
        settings = SceneSettings(
            frames=asked.frames,
            width=asked.width,
            height=asked.height,
            moving_share=share,
            travel=asked.travel,
            textures=Split.HELD_OUT,
        )
        found: dict[str, list] = {name: [] for name in (NOTHING, *models)}
        start = time.monotonic()
        for clips in _batches(settings, FIRST + place * asked.clips, asked.clips, asked.batch, device):
            found[NOTHING].append(score_nothing(clips))
            for name, model in models.items():
                found[name].append(score_clips(model.network, model.strength, clips))
        figures = {name: joined(batches) for name, batches in found.items()}
        models_only = {name: figures[name] for name in models}
        print("\n".join([*figures_table(kind, figures), "", *differences_table(kind, models_only)]))
        print(f"\n{time.monotonic() - start:.0f} s\n", flush=True)


def _batches(settings: Any, first: int, count: int, size: int, device: torch.device) -> Iterator[Clip]:
    from model_server.training.synthetic.draw import Split, draw_clips, seeds_of

    for start in range(0, count, size):
        yield draw_clips(seeds_of(Split.HELD_OUT, first + start, min(size, count - start)), settings, device)


def _machine(device: torch.device) -> str:
    return torch.cuda.get_device_name(device) if device.type == "cuda" else platform.processor() or platform.machine()


def _asked() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="+", metavar="NAME=FILE")
    parser.add_argument("--clips", type=int, default=200, help="of each kind")
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--frames", type=int, default=6)
    parser.add_argument("--width", type=int, default=112)
    parser.add_argument("--height", type=int, default=84)
    parser.add_argument("--travel", type=float, default=4.0, help="how far cameras go; 4 is what was trained on")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    return parser.parse_args()


if __name__ == "__main__":
    main()
