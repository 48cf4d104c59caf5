"""The released network gives what the official code gives, on deterministic weights (shared/model/golden)."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from shared_footage import shared
from tolerances import HALF_PRECISION

EXACT = ("--tol", "5e-5", "--builder", "parity:build")
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


HALF = ("s2_56x84_mask_tiny", "s3_98x56_mask", "s4_294x518_nomask")


def _check(names: tuple[str, ...], *options: str) -> str:
    """What the checker says of these files; it has to pass them."""
    model = shared("model")
    files = [str(model / "golden" / f"{name}.npz") for name in names]
    # A process of its own: its 5 GB of weights are gone when it ends.
    run = subprocess.run(
        [sys.executable, str(model / "check_parity.py"), *(options or EXACT), *files],
        cwd=Path(__file__).parent,
        env=os.environ | {"PAGE4D_SHARED": str(model.parent), "PYTHONPATH": str(Path(__file__).parents[1])},
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    assert run.stdout.count("-> PASS") == len(names), run.stdout
    return run.stdout


def test_the_released_network_equals_the_official_code():
    assert _check(QUICK).count("strict 5e-5: yes") == len(QUICK)


@pytest.mark.slow
def test_the_released_network_equals_the_official_code_on_all_other_files():
    assert _check(LONG).count("strict 5e-5: yes") == len(LONG)


@pytest.mark.slow
def test_weights_kept_in_half_precision_stay_within_two_percent():
    _check(HALF, "--tol", str(HALF_PRECISION), "--builder", "parity:build_half", "--adapter", "parity:call_half")


@pytest.mark.slow
def test_products_in_half_precision_stay_within_two_percent():
    # Small files alone: a processor without such products takes ten times as long.
    small = HALF[:2]
    _check(
        small, "--tol", str(HALF_PRECISION), "--builder", "parity:build_half", "--adapter", "parity:call_half_products"
    )
