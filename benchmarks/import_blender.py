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
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

import bpy  # noqa: E402
import numpy as np  # noqa: E402
from make_package import Footage, write_synthetic_package  # noqa: E402

from page4d_blender.core.package import open_package  # noqa: E402
from page4d_blender.scene.importer import build_scene  # noqa: E402

WIDTH, HEIGHT = 500, 300  # 150,000 points a frame


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--frames", type=int, default=100)
    parser.add_argument("--runs", type=int, default=3)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        package = _write(Path(folder), arguments.frames)
        runs = [_import_and_play(package, arguments.frames) for _ in range(arguments.runs)]
    imports, changes = (statistics.median(column) for column in list(zip(*runs))[:2])
    worst = statistics.median(run[2] for run in runs)
    memory_gb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    load = ", ".join(f"{value:.1f}" for value in os.getloadavg())
    machine = f"{platform.node()}, {os.cpu_count()} cores ({platform.machine()})"
    print("| what | Blender | import s | frame change ms (median, slowest 5 %) | peak GB | machine | load |")
    print("|---|---|---|---|---|---|---|")
    print(
        f"| {arguments.frames} x {WIDTH * HEIGHT:,} points | {bpy.app.version_string} | {imports:.1f} | "
        f"{changes * 1000:.1f}, {worst * 1000:.1f} | {memory_gb:.1f} | {machine} | {load} |"
    )


def _write(folder: Path, frames: int) -> Path:
    """The room from a walking camera, with every pixel's depth known and nothing apart from it."""
    numbers = tuple(range(1001, 1001 + frames))
    footage = Footage(WIDTH, HEIGHT, (1.0, 1.0), frame_numbers=numbers, things=0, focal=420.0, unknown_corner=False)
    return write_synthetic_package(folder / "bench.page4d", footage).folder


def _import_and_play(package: Path, frames: int) -> tuple[float, float, float]:
    """Seconds for the import, and the median and 95th percentile of a frame change over a first pass."""
    bpy.ops.wm.read_homefile(use_empty=True)
    start = time.perf_counter()
    build_scene(open_package(package), bpy.context.scene)
    imported = time.perf_counter() - start
    bpy.context.view_layer.update()
    changes = []
    for frame in range(1001, 1001 + frames):
        start = time.perf_counter()
        bpy.context.scene.frame_set(frame)
        changes.append(time.perf_counter() - start)
        count = _points(bpy.context.evaluated_depsgraph_get())
        if count != WIDTH * HEIGHT:
            raise SystemExit(f"frame {frame} shows {count} points, not {WIDTH * HEIGHT}")
    return imported, statistics.median(changes), float(np.quantile(changes, 0.95))


def _points(depsgraph: bpy.types.Depsgraph) -> int:
    """Points of the per-frame cloud; an instance lives only until the next one is asked for."""
    return sum(
        len(instance.object.data.points)
        for instance in depsgraph.object_instances
        if instance.object.type == "POINTCLOUD" and instance.parent.get("page4d_role") == "frames"
    )


if __name__ == "__main__":
    main()
