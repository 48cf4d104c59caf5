"""Windows are planned for the memory that they really take."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from middling import MIDDLING
from tolerances import PLANNED_MEMORY

from model_server.engines.engine import WeightsFacts
from model_server.engines.page4d.engine import Page4DEngine
from model_server.engines.page4d.network.config import ModelConfig
from model_server.engines.page4d.plan import MemoryNeed, memory_need, plan
from model_server.engines.page4d.window import WindowTooLong

ROOT = Path(__file__).parents[2]


def _measured(frames: int, width: int, height: int) -> int:
    command = [sys.executable, "measure_peak.py", *map(str, (frames, width, height))]
    # Freed memory goes back at once, as a CPU's allocator gives back what is large.
    environment = os.environ | {
        "PYTHONPATH": str(ROOT),
        "MALLOC_TRIM_THRESHOLD_": "0",
        "MALLOC_MMAP_THRESHOLD_": "65536",
    }
    run = subprocess.run(
        command, cwd=Path(__file__).parent, env=environment, capture_output=True, text=True, check=True
    )
    return int(run.stdout)


@pytest.mark.parametrize(("frames", "width", "height"), [(8, 518, 294), (12, 224, 392)])
def test_the_formula_holds_against_measured_peaks(frames, width, height):
    need = memory_need(MIDDLING, 0, width, height, compute_bytes=4, frames_at_once=1)
    assert need.of(frames) == pytest.approx(_measured(frames, width, height), rel=PLANNED_MEMORY)


def test_the_longest_window_that_fits_is_taken():
    for need in (MemoryNeed(1000, 100, 50, 20), MemoryNeed(1000, 50, 500, 60)):
        assert plan(need, frames=50, free_bytes=10_000) == 50
        length = plan(need, frames=50, free_bytes=3000)
        assert need.of(length) <= 3000 < need.of(length + 6)
    with pytest.raises(WindowTooLong, match="0\\.0 GB are free"):
        plan(MemoryNeed(1000, 100, 50, 20), frames=50, free_bytes=1100)


def test_the_engine_plans_for_the_released_network():
    engine = Page4DEngine(WeightsFacts("none", "0" * 64, "none"), open_eye=lambda images: pytest.fail("not opened"))
    # Half the precision of 1.16 billion weights is 2.4 GB: a machine with 4 GB free sees a few frames at once.
    assert 4 <= engine.plan(frames=500, size=(518, 294), free_bytes=4_000_000_000) <= 40
    assert engine.plan(frames=3, size=(518, 294), free_bytes=64_000_000_000) == 3
    with pytest.raises(WindowTooLong, match="2\\.0 GB are free"):
        engine.plan(frames=500, size=(518, 294), free_bytes=2_000_000_000)


def test_a_gpu_of_24_gb_sees_a_hundred_frames_at_once():
    need = memory_need(ModelConfig.released(), 2_400_000_000, 518, 294, compute_bytes=2, frames_at_once=2)
    assert plan(need, frames=500, free_bytes=24_000_000_000) >= 100
