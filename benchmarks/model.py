"""How fast the network is, and how much memory it takes.

    python benchmarks/model.py [--frames 1,2,4,8] [--ways plain,full,half] [--heads product] [--device cuda]

Every row is a process of its own, with random weights of the released size. Seconds on a CPU are CPU seconds over the
number of threads, as the reference's were taken. "share" is the rate reached, in parts of a matrix product's of the
same precision in the same process. The plain way is `tests/model/plain_network.py`, which keeps and does everything as
the official code does: it is what ours can be compared with on one machine.
"""

import argparse
import json
import os
import platform
import resource
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
WAYS = ("plain", "full", "half")  # the reference's way, ours in float32, ours with weights in half precision
TOKENS_OF_THE_PRODUCT = 4096


@dataclass(frozen=True)
class Row:
    way: str
    heads: str
    frames: int
    seconds: float  # CPU seconds / threads; on a GPU wall seconds
    wall: float
    peak_gb: float
    teraflop: float
    share: float  # of a matrix product's rate
    product_gflops: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--frames", default="1,2,4,8")
    parser.add_argument("--ways", default=",".join(WAYS))
    parser.add_argument("--heads", default="all", choices=("all", "product"), help="product: cameras and depth")
    parser.add_argument("--size", default="518x294")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--compile", action="store_true")
    parser.add_argument("--repeat", type=int, default=1, help="the fastest of so many runs")
    parser.add_argument("--one", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.one:
        print(json.dumps(asdict(_measured(arguments))))
        return
    print(f"{_machine(arguments.device)}, {arguments.size}, heads: {arguments.heads}, load {os.getloadavg()[0]:.1f}")
    print("| frames | way | s | wall s | peak GB | TFLOP | share of a product's rate | product GFLOP/s |")
    print("|---|---|---|---|---|---|---|---|")
    for frames in arguments.frames.split(","):
        for way in arguments.ways.split(","):
            command = [sys.executable, __file__, *sys.argv[1:], "--frames", frames, "--ways", way, "--one", "1"]
            environment = os.environ | {"OMP_WAIT_POLICY": "passive", "OMP_NUM_THREADS": str(arguments.threads)}
            run = subprocess.run(command, capture_output=True, text=True, env=environment)
            if run.returncode:
                print(f"| {frames} | {way} | failed: {run.stderr.strip().splitlines()[-1]} |")
                continue
            row = Row(**json.loads(run.stdout.splitlines()[-1]))
            cells = [f"{row.seconds:.1f}", f"{row.wall:.1f}", f"{row.peak_gb:.2f}", f"{row.teraflop:.1f}"]
            rates = [f"{row.share:.2f}", f"{row.product_gflops:.0f}"]
            print("|", " | ".join([frames, way, *cells, *rates]), "|", flush=True)


def _measured(arguments: argparse.Namespace) -> Row:
    sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "model")]
    import torch
    from plain_network import TORCH, plain_forward
    from random_network import random_network

    from model_server.engines.page4d.network.config import ModelConfig
    from model_server.engines.page4d.network.network import Head
    from model_server.engines.page4d.network.precision import Precision

    torch.set_num_threads(arguments.threads)
    device, way, frames = torch.device(arguments.device), arguments.ways, int(arguments.frames)
    width, height = map(int, arguments.size.split("x"))
    precision = Precision.best_for(device) if way == "half" else Precision.full()
    heads = tuple(Head) if arguments.heads == "all" or way == "plain" else (Head.CAMERA, Head.DEPTH)
    network = random_network(ModelConfig.released(track=False), precision.storage, heads).to(device)
    config = network.config
    if arguments.compile:
        network.compile_blocks()
    images = torch.rand(1, frames, 3, height, width).to(device)
    half = precision.compute is not torch.float32
    before = _rate(torch, device, precision.compute)
    results = []
    with torch.inference_mode(), torch.autocast(device.type, precision.compute if half else None, half):
        for _ in range(arguments.repeat):
            _settle(torch, device)
            cpu, wall = time.process_time(), time.perf_counter()
            if way == "plain":
                plain_forward(network, images, config.mask.strength, TORCH)
            else:
                network(images, config.mask.strength, heads)
            _settle(torch, device)
            wall = time.perf_counter() - wall
            cpu = (time.process_time() - cpu) / arguments.threads
            results.append((wall if device.type == "cuda" else cpu, wall))
    seconds, wall = min(results)
    rate = (before + _rate(torch, device, precision.compute)) / 2
    work = _operations(config, frames, height, width, len(heads) - 1)
    if device.type == "cuda":
        peak = torch.cuda.max_memory_allocated(device)
    else:
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return Row(way, arguments.heads, frames, seconds, wall, peak / 1e9, work / 1e12, work / seconds / rate, rate / 1e9)


def _rate(torch, device, dtype) -> float:
    """Operations a second of a matrix product as large as an MLP's."""
    a, b = (torch.rand(rows, 1024, device=device).to(dtype) for rows in (TOKENS_OF_THE_PRODUCT, 4096))
    best = float("inf")
    for _ in range(5):
        _settle(torch, device)
        start = time.perf_counter() if device.type == "cuda" else time.process_time()
        torch.nn.functional.linear(a, b)
        _settle(torch, device)
        end = time.perf_counter() if device.type == "cuda" else time.process_time()
        best = min(best, (end - start) / (1 if device.type == "cuda" else torch.get_num_threads()))
    return 2 * a.numel() * len(b) / best


def _operations(config, frames: int, height: int, width: int, heads: int) -> float:
    """Multiplications and additions of the network with that many heads for pixels, on this many frames."""
    dim, rows, columns = config.backbone.dim, height // config.patch, width // config.patch
    patches = rows * columns
    within, across = patches + config.special_tokens, frames * (patches + config.special_tokens)

    def block(tokens: int, width: int) -> float:
        return 4 * tokens**2 * width + 2 * tokens * (4 + 2 * config.mlp_ratio) * width**2

    total = frames * config.backbone.depth * block(patches + 1 + config.backbone.registers, dim)
    total += config.aggregator.rounds * (frames * block(within, dim) + block(across, dim))
    total += config.camera.refinements * (config.camera.depth * block(frames, 2 * dim) + frames * 12 * dim**2 * 2)
    features, widths = config.dense.features, config.dense.widths
    cells = [16 * patches, 4 * patches, patches, patches / 4]  # of the four levels
    head = sum(2 * patches * 2 * dim * each for each in widths)
    head += 2 * patches * (16 * widths[0] ** 2 + 4 * widths[1] ** 2 + 9 / 4 * widths[3] ** 2)
    head += sum(2 * 9 * cell * each * features for cell, each in zip(cells, widths))
    units = (4, 4, 4, 2)  # convolutions of 3 x 3 at each level; the 1 x 1 is counted where ours has it
    head += sum(2 * (9 * unit + 1) * cell * features**2 for unit, cell in zip(units, cells))
    head += 2 * 9 * (64 * patches) * features * features // 2
    head += 2 * 9 * height * width * (features // 2) * config.dense.hidden
    return total + frames * heads * head


def _settle(torch, device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def _machine(device: str) -> str:
    if device.startswith("cuda"):
        import torch

        return torch.cuda.get_device_name(device)
    return f"CPU {platform.machine()}, {os.cpu_count()} cores"


if __name__ == "__main__":
    main()
