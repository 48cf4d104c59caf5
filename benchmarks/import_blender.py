"""How long an import takes and how fast frames change: 100 frames of 150,000 points, as a row for RESULTS.md.

Run with the Python that has Blender in it:  .venv-bpy-4.5/bin/python benchmarks/import_blender.py
"""

import argparse
import os
import platform
import resource
import statistics
import sys
import tempfile
import time
from dataclasses import astuple, dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

import bpy  # noqa: E402
import numpy as np  # noqa: E402
from make_package import Footage, write_synthetic_package  # noqa: E402

from page4d_blender.core.package import open_package  # noqa: E402
from page4d_blender.scene.importer import build_scene  # noqa: E402

WIDTH, HEIGHT = 500, 300  # 150,000 points a frame


@dataclass(frozen=True)
class Run:
    import_s: float
    import_cpu_s: float
    change_ms: float  # median over the frames
    change_cpu_ms: float
    slow_change_ms: float  # 95th percentile


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--frames", type=int, default=100)
    parser.add_argument("--runs", type=int, default=3)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        package = _write(Path(folder), arguments.frames)
        runs = [_import_and_play(package, arguments.frames) for _ in range(arguments.runs)]
    median = Run(*(statistics.median(values) for values in zip(*(astuple(run) for run in runs))))
    memory_gb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    load = ", ".join(f"{value:.1f}" for value in os.getloadavg())
    print("| what | Blender | import s (CPU) | frame change ms (CPU; slowest 5 %) | peak GB | machine | load |")
    print("|---|---|---|---|---|---|---|")
    print(
        f"| {arguments.frames} x {WIDTH * HEIGHT:,} points | {bpy.app.version_string} "
        f"| {median.import_s:.1f} ({median.import_cpu_s:.1f}) "
        f"| {median.change_ms:.1f} ({median.change_cpu_ms:.1f}; {median.slow_change_ms:.1f}) "
        f"| {memory_gb:.1f} | {_machine()} | {load} |"
    )


def _machine() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []
    models = [line.split(":")[1].strip() for line in lines if "model name" in line]
    return f"{os.cpu_count()} cores of {models[0] if models else platform.processor()}"


def _write(folder: Path, frames: int) -> Path:
    """The room from a walking camera, with every pixel's depth known and nothing apart from it."""
    numbers = tuple(range(1001, 1001 + frames))
    footage = Footage(WIDTH, HEIGHT, (1.0, 1.0), frame_numbers=numbers, things=0, focal=420.0, unknown_corner=False)
    return write_synthetic_package(folder / "bench.page4d", footage).folder


def _import_and_play(package: Path, frames: int) -> Run:
    """Import, then visit every frame once; each must show every point."""
    bpy.ops.wm.read_homefile(use_empty=True)
    start, cpu_start = time.perf_counter(), time.process_time()
    build_scene(open_package(package), bpy.context.scene)
    imported, imported_cpu = time.perf_counter() - start, time.process_time() - cpu_start
    bpy.context.view_layer.update()
    changes, cpu = [], []
    for frame in range(1001, 1001 + frames):
        start, cpu_start = time.perf_counter(), time.process_time()
        bpy.context.scene.frame_set(frame)
        changes.append((time.perf_counter() - start) * 1000)
        cpu.append((time.process_time() - cpu_start) * 1000)
        count = _points(bpy.context.evaluated_depsgraph_get())
        if count != WIDTH * HEIGHT:
            raise SystemExit(f"frame {frame} shows {count} points, not {WIDTH * HEIGHT}")
    slow = float(np.quantile(changes, 0.95))
    return Run(imported, imported_cpu, statistics.median(changes), statistics.median(cpu), slow)


def _points(depsgraph: bpy.types.Depsgraph) -> int:
    """Points of the per-frame cloud; an instance lives only until the next one is asked for."""
    return sum(
        len(instance.object.data.points)
        for instance in depsgraph.object_instances
        if instance.object.type == "POINTCLOUD" and instance.parent.get("page4d_role") == "frames"
    )


if __name__ == "__main__":
    main()
