"""Solve shots with known truth: how far off each is, and which of the project's goals are held, as markdown.

    python benchmarks/solve.py [SHOT ...] [--engine classical] [--keep FOLDER] [--scored]

SHOT is the name of a sequence of the shared footage, or the path of another in its format (other seeds of the rendered
scenes). Footage, truth and the scoring tool are not in the repository (PAGE4D_SHARED, default ../shared). Each shot is
solved by the command line a user types, in a process of its own; time and peak memory are that process's, children
included. Exits with 1 where a shot could not be solved; a goal that is not held is for the reader.
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

from goals import verdicts

ROOT = Path(__file__).resolve().parents[1]
SHARED = Path(os.environ.get("PAGE4D_SHARED", ROOT.parent / "shared"))
SHOTS = (
    "room_7 street_1 zoom_9 pan_2 hololens_office 7scenes_kitchen semi_kitchen_dog fox davis_car-roundabout "
    "davis_camel davis_goat davis_dog davis_drift-straight davis_breakdance davis_libby davis_parkour"
).split()
COLUMNS = (
    ("frames", "frames_solved"),
    ("mode", "mode"),
    ("ATE", "ate"),
    ("2nd opinion", "ate_vs_second_opinion"),
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
    ("load", "load"),
)
_MEASURED = "measured.json"  # what a package can't know: times, memory, load


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("shots", nargs="*", default=SHOTS)
    parser.add_argument("--engine", default="classical")
    parser.add_argument("--keep", type=Path, help="keep the packages in this folder")
    parser.add_argument("--scored", action="store_true", help="score what --keep has, and solve only what is missing")
    arguments = parser.parse_args()
    folder = arguments.keep or Path(tempfile.mkdtemp(prefix="page4d-solve-"))
    folder.mkdir(parents=True, exist_ok=True)
    print(f"{_machine()}, engine {arguments.engine}, {time.strftime('%Y-%m-%d')}\n")
    print("| shot | " + " | ".join(title for title, _ in COLUMNS) + " |")
    print("|" + " --- |" * (len(COLUMNS) + 1), flush=True)
    scores = {}
    for shot in arguments.shots:
        sequence = Path(shot) if os.sep in shot else SHARED / "footage" / shot
        package = folder / f"{sequence.name}.page4d"
        if not (arguments.scored and (folder / f"{sequence.name}.{_MEASURED}").exists()):
            measure(sequence / "frames", package, arguments.engine)
        score = scores[sequence.name] = scored(sequence, package)
        cells = [score["error"]] if "error" in score else [str(score.get(key, "-")) for _, key in COLUMNS]
        print(f"| {sequence.name} | " + " | ".join(cells) + " |", flush=True)
    print("\n| shot | what | asked | seen | held |\n| --- | --- | --- | --- | --- |")
    for verdict in verdicts(scores):
        held = "yes" if verdict.held else "**no**"
        print(f"| {verdict.shots} | {verdict.what} | {verdict.asked} | {verdict.seen} | {held} |")
    if not arguments.keep:
        shutil.rmtree(folder)
    return 1 if any("error" in score for score in scores.values()) else 0


def measure(footage: Path, package: Path, engine: str) -> dict[str, object]:
    """Solve one shot: seconds, cpu_seconds, peak_gb, load, or the error; `NAME.measured.json` has them."""
    command = [sys.executable, "-m", "model_server", "solve", footage, "--out", package, "--engine", engine]
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    with tempfile.TemporaryFile("w+") as errors:
        process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=errors)
        peak = _watch(process)
        errors.seek(0)
        last_words = errors.read().strip().splitlines()[-1:]
    seconds, after = time.monotonic() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    measured: dict[str, object] = {"seconds": round(seconds), "cpu_seconds": round(cpu), "peak_gb": round(peak, 2)}
    measured["load"] = round(os.getloadavg()[0], 1)
    if process.returncode:
        measured["error"] = " ".join(last_words)
    package.with_suffix(f".{_MEASURED}").write_text(json.dumps(measured), encoding="utf-8")
    return measured


def scored(sequence: Path, package: Path) -> dict[str, object]:
    """The scoring tool's keys with what `measure` wrote, and `seconds_per_frame`; or `error`."""
    measured = json.loads(package.with_suffix(f".{_MEASURED}").read_text(encoding="utf-8"))
    if "error" in measured:
        return dict(measured)
    tool = subprocess.run(
        [sys.executable, SHARED / "tools" / "score_package.py", sequence, package], capture_output=True, text=True
    )
    if tool.returncode:
        return {"error": tool.stderr.strip().splitlines()[-1]}
    score = json.loads(tool.stdout)
    return score | measured | {"seconds_per_frame": round(measured["seconds"] / score["frames_given"], 2)}


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
