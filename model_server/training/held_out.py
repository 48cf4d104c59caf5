"""A look at how a run does on clips that it does not learn from."""

from contextlib import nullcontext
from dataclasses import asdict

import torch

from model_server.training.checkpoint import RunState
from model_server.training.figures import Means
from model_server.training.processes import Processes
from model_server.training.sources import ClipSource
from model_server.training.step import Stepper
from model_server.training.validation import figures_of


@torch.no_grad()
def validated(
    stepper: Stepper, state: RunState, source: ClipSource, count: int, size: int, alpha: float, here: Processes
) -> dict[str, float]:
    """Mean losses and figures over `count` batches of `size` clips in each process; every one must call it.

    Where there is a running mean of the weights, that is what is looked at.

    Args:
        alpha: the mask's strength.
    """
    means = Means()
    with nullcontext() if state.mean is None else state.mean.in_place():
        for index in range(count):
            clips = source.batch(index, size, here.share.rank, here.share.world).to(here.device)
            look = stepper.look(clips, alpha)
            means.add(look.parts)
            for figures in figures_of(look.prediction, look.truth, clips):
                means.add(asdict(figures))
    return means.taken(here)
