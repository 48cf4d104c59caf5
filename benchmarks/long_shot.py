"""Memory and time of a long shot, window by window.

    OMP_NUM_THREADS=1 python benchmarks/long_shot.py [--frames 1000] [--length 24] [--overlap 6]

The network is the tiny one with random weights; what is measured is everything around it: windows, joins, files.
Each line is a moment of the same shot: frames done, seconds since the start, memory of the process without the pages
of files that it has mapped (which the system takes back when it needs them), and with them.
"""

import argparse
import json
import tempfile
import time
from pathlib import Path

import numpy as np
import psutil
import torch

from model_server.engines.page4d.network.config import ModelConfig
from model_server.engines.page4d.network.network import Page4DNetwork
from model_server.engines.page4d.network.precision import Precision
from model_server.engines.page4d.runner import WindowRunner
from model_server.engines.page4d.stitch import stitch

HEIGHT, WIDTH = 70, 112
EVERY = 100  # frames


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--frames", type=int, default=1000)
    parser.add_argument("--length", type=int, default=24)
    parser.add_argument("--overlap", type=int, default=6)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="page4d-long-") as folder:
        measure(arguments.frames, arguments.length, arguments.overlap, Path(folder))


def measure(frames: int, length: int, overlap: int, folder: Path) -> None:
    """Print one JSON object a line."""
    torch.set_num_threads(1)  # matrices are small; two threads would mostly wait for each other
    torch.manual_seed(0)
    network = Page4DNetwork(ModelConfig.tiny())
    images = _pan(frames, folder / "images.npy")
    runner = WindowRunner(network, images, strength=64.0, precision=Precision.full())
    process, start, told = psutil.Process(), time.process_time(), 0

    def report(done: float) -> None:
        nonlocal told
        frame = min(frames, round(done / 0.95 * frames))
        if done == 1 or frame // EVERY > told // EVERY:
            told = frame
            memory = process.memory_info()
            row = {"frames": frame, "cpu_seconds": round(time.process_time() - start, 2)}
            row |= {"own_mb": round((memory.rss - memory.shared) / 2**20, 1), "rss_mb": round(memory.rss / 2**20, 1)}
            print(json.dumps(row | {"finished": done == 1}), flush=True)

    found = stitch(images, length, overlap, runner, folder, report)
    finite = np.isfinite(found.geometry.camera_from_world).all()
    facts = {"windows": len(found.windows), "weak": len(found.weak_seams), "loops": len(found.loops)}
    print(json.dumps(facts | {"finite": bool(finite)}))


def _pan(frames: int, file: Path) -> np.ndarray:
    """(frames, HEIGHT, WIDTH, 3) uint8 on disk: a picture that is walked over and never shows the same place twice."""
    images = np.lib.format.open_memmap(file, "w+", np.uint8, (frames, HEIGHT, WIDTH, 3))
    random = np.random.default_rng(0)
    strip = random.integers(0, 255, (HEIGHT // 7, WIDTH // 7, 3), np.uint8)
    for image in images:
        strip = np.concatenate([strip[:, 1:], random.integers(0, 255, (HEIGHT // 7, 1, 3), np.uint8)], axis=1)
        image[:] = strip.repeat(7, axis=0).repeat(7, axis=1)
    images.flush()
    del images
    return np.load(file, mmap_mode="r")


if __name__ == "__main__":
    main()
