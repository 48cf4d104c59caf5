"""Run by test_plan.py in a process of its own: how much memory a window takes, beyond the weights, in bytes."""

import resource
import sys

import torch
from middling import MIDDLING
from random_network import random_network

from model_server.engines.page4d.network.network import Head


def main(frames: int, width: int, height: int) -> None:
    torch.set_num_threads(1)
    network = random_network(MIDDLING, heads=(Head.CAMERA, Head.DEPTH))
    images = torch.rand(1, 2, 3, 28, 28)
    with torch.inference_mode():
        network(images, 64.0)  # libraries are loaded, and what they keep is there
        images = torch.zeros(1, frames, 3, height, width)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        patches = torch.cat([network.backbone(frame[None]) for frame in images[0]])
        size = height // MIDDLING.patch, width // MIDDLING.patch
        network.from_patches(patches[None], size, 64.0)
    print(1024 * (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before))


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
