"""The demo, start to end: real footage through the server into a Blender scene, with a report and two pictures.

    .venv/bin/python demo/run.py --blender-python .venv-bpy-4.5/bin/python      (`make demo` does that)

Starts a server of its own on a free port, has the extension's headless command send the footage and build
demo/shot.blend, draws demo/out/camera.png and demo/out/side.png from that file, and ends the server. The package stays
beside the scene, which shows its mattes. A second run makes only what has changed: a new solve when the footage or the
server's code has, a new scene or new pictures when theirs has.
"""

import argparse
import contextlib
import hashlib
import json
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from report import PICTURES, report_table
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

DEMO = Path(__file__).resolve().parent
REPOSITORY = DEMO.parent
FOOTAGE = DEMO / "footage" / "office_walk.mp4"
OUT, BLEND = DEMO / "out", DEMO / "shot.blend"
MADE = OUT / "made.json"  # from what the package, the scene and the pictures were made
SERVER_DATA = OUT / "server"
ENDS_WITHIN_S = 20
_SHARE = re.compile(r"page4d:\s+(\d+)% (.*)")
_BLENDER_CHATTER = ("Info:", "Saved", "Fra:", "Time:", "Warning: region type", "EGL", "Read ")


class DemoFailed(Exception):
    """A part of the demo failed; it has said why."""


@dataclass(frozen=True)
class Server:
    address: str
    token: Path


def main() -> int:
    parser = argparse.ArgumentParser(description="Footage to a Blender scene, start to end.")
    parser.add_argument("--blender-python", type=Path, required=True, help="an interpreter that can import bpy")
    parser.add_argument("--fresh", action="store_true", help="solve again, whatever is there")
    wanted = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that what was started is ended
    OUT.mkdir(exist_ok=True)
    begun = time.monotonic()
    try:
        package = _make_all(wanted.blender_python, wanted.fresh)
    except DemoFailed as failure:
        print(f"demo: {failure}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("demo: stopped", file=sys.stderr)
        return 130
    Console().print(report_table(package, BLEND, OUT, time.monotonic() - begun))
    return 0


def _make_all(blender_python: Path, fresh: bool) -> Path:
    """Make what is not there yet, or no longer true, and return the package."""
    made = {} if fresh or not MADE.exists() else json.loads(MADE.read_text())
    solve = _fingerprint("", FOOTAGE, *(REPOSITORY / "model_server").rglob("*.py"))
    scene = _fingerprint(solve, *(REPOSITORY / "page4d_blender").rglob("*.py"))
    pictures = _fingerprint(scene, *DEMO.glob("*.py"))
    package = next(DEMO.glob("*.page4d"), None)
    if package is None or made.get("solve") != solve:
        package = _solve(blender_python)
        _note(solve=solve, scene=scene)
    elif made.get("scene") != scene or not BLEND.exists():
        print(f"{FOOTAGE.name} was solved before; --fresh solves it again", flush=True)
        take = ["import", package, "--out", BLEND, "--footage", FOOTAGE]
        _follow([blender_python, "-m", "page4d_blender", *take], "import")
        _note(solve=solve, scene=scene)
    elif made.get("pictures") == pictures and all((OUT / name).exists() for name in PICTURES):
        print("nothing has changed since the last run; --fresh makes all of it again", flush=True)
        return package
    _follow([blender_python, DEMO / "pictures.py", BLEND, package, OUT], "pictures")
    _note(solve=solve, scene=scene, pictures=pictures)
    return package


def _solve(blender_python: Path) -> Path:
    """Through a server, over HTTP; the package lands beside the scene."""
    MADE.unlink(missing_ok=True)
    for old in DEMO.glob("*.page4d"):
        shutil.rmtree(old)
    shutil.rmtree(SERVER_DATA, ignore_errors=True)  # a job of a demo that was killed would go on there, ahead of ours
    with _server() as server:
        solve = ["solve", FOOTAGE, "--out", BLEND, "--server", server.address, "--token-file", server.token]
        _follow([blender_python, "-m", "page4d_blender", *solve], "solve")
    (package,) = DEMO.glob("*.page4d")
    return package


def _note(**made: str) -> None:
    MADE.write_text(json.dumps(made))


def _fingerprint(base: str, *files: Path) -> str:
    content = hashlib.sha256(base.encode())
    for file in sorted(files):
        content.update(file.read_bytes())
    return content.hexdigest()


@contextlib.contextmanager
def _server() -> Iterator[Server]:
    """A server on a free port; it is ended whatever happens."""
    log = OUT / "server.log"
    command = [sys.executable, "-m", "model_server", "serve", "--port", "0", "--data", SERVER_DATA]
    with log.open("w") as output:
        # In a session of its own: Ctrl-C is for the command, which cancels its job there before the server ends.
        process = subprocess.Popen(
            command, cwd=REPOSITORY, stdout=subprocess.PIPE, stderr=output, text=True, start_new_session=True
        )
        try:
            yield _ready(process, log)
        finally:
            process.terminate()
            try:
                process.wait(ENDS_WITHIN_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _ready(process: subprocess.Popen[str], log: Path) -> Server:
    """Read where it listens; it says so when requests can come."""
    lines = [process.stdout.readline() for _ in range(2)] if process.stdout else []
    listening = re.fullmatch(r"Page4D listens on (\S+)\n", lines[0])
    token = re.fullmatch(r"its token is in (.+)\n", lines[1])
    if not (listening and token):
        said = log.read_text().strip().splitlines()
        raise DemoFailed(f"the server did not start: {said[-1] if said else 'it said nothing'}")
    return Server(listening[1], Path(token[1]))


def _follow(command: list[str | Path], name: str) -> None:
    """Run a program of the demo; its percentages become a bar, what else it says is passed on.

    Raises:
        DemoFailed: its exit code is not 0.
    """
    columns = TextColumn("{task.description:<10}"), BarColumn(), TextColumn("{task.fields[doing]}"), TimeElapsedColumn()
    process = subprocess.Popen(command, cwd=REPOSITORY, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        with Progress(*columns) as bars:
            bar = bars.add_task(name, total=100, doing="starting")
            for line in process.stdout or ():
                share = _SHARE.match(line)
                if share and bars.console.is_terminal:  # a log gets the lines themselves
                    bars.update(bar, completed=int(share[1]), doing=share[2])
                elif line.strip() and not line.lstrip().startswith(_BLENDER_CHATTER):
                    bars.console.print(line.rstrip(), markup=False, highlight=False)
            if process.wait() == 0:
                bars.update(bar, completed=100, doing="done")
    finally:
        if process.poll() is None:
            process.terminate()
            process.wait()
    if process.returncode:
        raise DemoFailed(f"{name} ended with exit code {process.returncode}")


if __name__ == "__main__":
    sys.exit(main())
