"""The released network gives what the official code gives, on deterministic weights (shared/model/golden)."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from shared_footage import shared

TOLERANCE = "5e-5"
# Both mask modes and both weight modes; the others take `make parity`.
QUICK = ("s2_56x84_mask", "s2_56x84_nomask_tiny", "s2_56x84_mask_tiny", "s3_140x154_track_mask", "s1_70x70_nomask")
LONG = (
    "b2_s2_70x56_mask",
    "s2_56x84_nomask",
    "s3_98x56_mask",
    "s3_98x56_nomask",
    "s4_294x518_mask",
    "s4_294x518_nomask",
    "s9_42x42_nomask",
)


def _check(names: tuple[str, ...]) -> None:
    model = shared("model")
    files = [str(model / "golden" / f"{name}.npz") for name in names]
    # A process of its own: its 5 GB of weights are gone when it ends.
    run = subprocess.run(
        [sys.executable, str(model / "check_parity.py"), "--tol", TOLERANCE, "--builder", "parity:build", *files],
        cwd=Path(__file__).parent,
        env=os.environ | {"PAGE4D_SHARED": str(model.parent), "PYTHONPATH": str(Path(__file__).parents[1])},
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    assert run.stdout.count("strict 5e-5: yes") == len(names), run.stdout


def test_the_released_network_equals_the_official_code():
    _check(QUICK)


@pytest.mark.slow
def test_the_released_network_equals_the_official_code_on_all_other_files():
    _check(LONG)
