"""Solve shots with known truth and print how far off each is, as rows of a markdown table.

    python benchmarks/shots.py [SHOT ...] [--engine classical] [--keep FOLDER]

Footage, truth and the scoring tool are not in the repository (PAGE4D_SHARED, default ../shared). Each shot is solved
by the command line a user types, in a process of its own; time and peak memory are that process's, children included.
"""

import argparse
import json
import os
import platform
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SHARED = Path(os.environ.get("PAGE4D_SHARED", ROOT.parent / "shared"))
SHOTS = (
    "room_7 7scenes_kitchen hololens_office davis_car-roundabout davis_camel davis_goat davis_dog davis_drift-straight "
    "davis_breakdance davis_libby davis_parkour street_1 semi_kitchen_dog fox zoom_9 pan_2"
).split()
COLUMNS = (
    ("frames", "frames_solved"),
    ("mode", "mode"),
    ("ATE", "ate"),
    ("% of path", "ate_pct_of_extent"),
    ("rotation, deg", "rot_deg"),
    ("focal off, %", "focal_err_worst_pct"),
    ("median px", "median_px_recomputed"),
    ("J moving", "J_moving"),
    ("moving, share", "moving_share"),
    ("still AbsRel", "absrel_still"),
    ("still known", "still_known"),
    ("moving AbsRel", "absrel_moving"),
    ("flicker, %", "flicker_pct"),
    ("layers", "layers"),
    ("seconds", "seconds"),
    ("CPU s", "cpu_seconds"),
    ("peak GB", "peak_gb"),
)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("shots", nargs="*", default=SHOTS)
    parser.add_argument("--engine", default="classical")
    parser.add_argument("--keep", type=Path, help="keep the packages in this folder")
    arguments = parser.parse_args()
    folder = arguments.keep or Path(tempfile.mkdtemp(prefix="page4d-shots-"))
    folder.mkdir(parents=True, exist_ok=True)
    print(f"{_machine()}, engine {arguments.engine}, {time.strftime('%Y-%m-%d')}\n")
    print("| shot | " + " | ".join(title for title, _ in COLUMNS) + " | load |")
    print("|" + " --- |" * (len(COLUMNS) + 2), flush=True)
    failures = 0
    for shot in arguments.shots:
        row = measure(SHARED / "footage" / shot, folder / f"{shot}.page4d", arguments.engine)
        failures += "error" in row
        cells = [row["error"]] if "error" in row else [str(row.get(key, "-")) for _, key in COLUMNS]
        print(f"| {shot} | " + " | ".join(cells) + f" | {os.getloadavg()[0]:.1f} |", flush=True)
    if not arguments.keep:
        shutil.rmtree(folder)
    return 1 if failures else 0


def measure(sequence: Path, package: Path, engine: str) -> dict[str, object]:
    """Solve one shot and score it: the scoring tool's keys, and `seconds`, `cpu_seconds`, `peak_gb`; or `error`."""
    command = [sys.executable, "-m", "model_server", "solve", sequence / "frames", "--out", package, "--engine", engine]
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    peak, process = (
        0.0,
        subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True),
    )
    peak = _watch(process)
    seconds, after = time.monotonic() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    if process.returncode:
        return {"error": process.stderr.read().strip().splitlines()[-1]}
    scored = subprocess.run(
        [sys.executable, SHARED / "tools" / "score_package.py", sequence, package], capture_output=True, text=True
    )
    if scored.returncode:
        return {"error": scored.stderr.strip().splitlines()[-1]}
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    times = {"seconds": round(seconds), "cpu_seconds": round(cpu), "peak_gb": round(peak, 2)}
    return json.loads(scored.stdout) | times


def _watch(process: subprocess.Popen) -> float:
    """Peak resident memory of the process and its children together, GB, sampled four times a second."""
    import psutil

    peak = 0
    while process.poll() is None:
        try:
            family = [psutil.Process(process.pid), *psutil.Process(process.pid).children(recursive=True)]
            peak = max(peak, sum(member.memory_info().rss for member in family))
        except psutil.NoSuchProcess:
            pass
        time.sleep(0.25)
    return peak / 1e9


def _machine() -> str:
    models = [
        line.split(":")[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines() if "model name" in line
    ]
    return f"{os.cpu_count()} cores of {models[0] if models else platform.processor()}"


if __name__ == "__main__":
    sys.exit(main())
