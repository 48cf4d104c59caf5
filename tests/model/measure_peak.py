"""Run by test_plan.py in a process of its own: how much memory a window takes, beyond the weights, in bytes."""

import sys
import threading

import psutil
import torch
from middling import MIDDLING
from random_network import random_network

from model_server.engines.page4d.network.network import Head


def main(frames: int, width: int, height: int) -> None:
    torch.set_num_threads(1)
    network = random_network(MIDDLING, heads=(Head.CAMERA, Head.DEPTH))
    with torch.inference_mode():
        network(torch.rand(1, 2, 3, 28, 28), 64.0)  # libraries are loaded, and what they keep is there
        images = torch.zeros(1, frames, 3, height, width)
        watch = _Watch()
        patches = torch.cat([network.backbone(frame[None]) for frame in images[0]])
        size = height // MIDDLING.patch, width // MIDDLING.patch
        network.from_patches(patches[None], size, 64.0)
    print(watch.peak())


class _Watch(threading.Thread):
    """Looks at the process's own memory all the time: the peak that the system keeps counts pages of libraries too."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self._process, self._done = psutil.Process(), threading.Event()
        self._first = self._highest = self._own()
        self.start()

    def run(self) -> None:
        while not self._done.wait(0.001):
            self._highest = max(self._highest, self._own())

    def peak(self) -> int:
        self._done.set()
        self.join()
        return self._highest - self._first

    def _own(self) -> int:
        memory = self._process.memory_info()
        return memory.rss - getattr(memory, "shared", 0)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
