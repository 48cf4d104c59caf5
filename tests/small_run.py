"""Training runs of the tiny network for tests; run as a program, one that a test can send signals to.

python tests/small_run.py FOLDER STEPS [--resume] [--sharing ddp|fsdp] [--batch N] [--slow] [--freeze published]
"""

import argparse
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import torch
from wall_clips import WallSource

from model_server.training.clip import Clip
from model_server.training.config import (
    DataSettings,
    Device,
    Freeze,
    GroupSettings,
    LossSettings,
    MaskSettings,
    ModelSettings,
    OptimizerSettings,
    Precision,
    Sharing,
    Size,
    Storage,
    TrainingConfig,
    TrainSettings,
    ValidationSettings,
)
from model_server.training.trainer import Sources, train

SOURCES = Sources(WallSource(), WallSource(3))
FAST = GroupSettings(1e-3, 0.3, 0.01)


def small_config(folder: Path, steps: int = 6, **changes) -> TrainingConfig:
    """Two clips of two frames a step, the mask fading away meanwhile."""
    settings = {"batch": 2, "ema": 0.9, "checkpoint_every": 3, "log_every": 1, "export": Storage.FP32} | changes
    return TrainingConfig(
        folder,
        TrainSettings(steps, precision=Precision.FLOAT32, device=Device.CPU, **settings),
        (DataSettings("walls"),),
        ModelSettings(Size.TINY, layer_scale=0.3, linear_std=0.1),
        OptimizerSettings(FAST, FAST, FAST),
        MaskSettings(64.0, always=False, hold=1, end=5),
        LossSettings(quantile=1.0),
        ValidationSettings(every=3, batches=1),
    )


@dataclass(frozen=True)
class SlowSource(WallSource):
    """Gives a test the time to act in the middle of a run."""

    def batch(self, step: int, size: int, rank: int, world: int) -> Clip:
        time.sleep(0.2)
        return super().batch(step, size, rank, world)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("steps", type=int)
    parser.add_argument("--resume", action="store_true")
    parser.add_argument("--slow", action="store_true")
    parser.add_argument("--batch", type=int, default=2)
    parser.add_argument("--accumulation", type=int, default=1)
    parser.add_argument("--sharing", type=Sharing, default=Sharing.DDP)
    parser.add_argument("--freeze", type=Freeze, default=Freeze.NONE)
    given = parser.parse_args()
    torch.set_num_threads(1)
    changes = {name: getattr(given, name) for name in ("batch", "accumulation", "sharing", "freeze")}
    sources = Sources(SlowSource(), SOURCES.held_out) if given.slow else SOURCES
    outcome = train(small_config(given.folder, given.steps, **changes), given.resume, sources)
    if outcome.speaks:
        print("finished" if outcome.weights else f"stopped after {outcome.progress.step}")


if __name__ == "__main__":
    sys.exit(main())
