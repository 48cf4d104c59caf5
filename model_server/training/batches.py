"""The batches of a run, one after the other, drawn ahead by other processes where there are some."""

import signal
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch.utils.data import DataLoader, Dataset

from model_server.training.clip import Clip
from model_server.training.sources import ClipSource

_AHEAD = 2  # batches that each process has ready


@dataclass(frozen=True)
class Share:
    """Which of several processes this is."""

    rank: int = 0
    world: int = 1


def batches(source: ClipSource, first: int, stop: int, size: int, share: Share, workers: int) -> Iterator[Clip]:
    """Batches number first .. stop - 1 of a process; `workers` changes how fast they come, and nothing else."""
    numbered = _Numbered(source, size, share)
    if not workers:
        yield from (numbered[index] for index in range(first, stop))
        return
    loader: DataLoader[Clip] = DataLoader(
        numbered,
        batch_size=None,
        sampler=range(first, stop),
        num_workers=workers,
        prefetch_factor=_AHEAD,
        multiprocessing_context="spawn",  # a fork would take over locks of threads that it has not
        worker_init_fn=_prepare,
        generator=torch.Generator(),
    )
    yield from loader


@dataclass(frozen=True)
class _Numbered(Dataset[Clip]):
    source: ClipSource
    size: int
    share: Share

    def __getitem__(self, index: int) -> Clip:
        return self.source.batch(index, self.size, self.share.rank, self.share.world)


def _prepare(worker: int) -> None:
    """A signal that ends the run goes to every process of a terminal or a job; who trains decides when these end."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
