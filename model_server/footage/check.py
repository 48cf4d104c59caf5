"""Work on footage in a short-lived process of its own: a decoder that crashes, hangs or eats memory ends only that.

Broken files can kill the native decoders (FFmpeg, OpenEXR, libtiff), and no `except` stops that. So whatever meets a
file's pixels for the first time runs here: the check when a clip is opened, and the pass that makes the model's images.
Later decoding of the same pictures happens in the caller's process. The two talk in lines of JSON.
"""

import contextlib
import json
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import model_server
from model_server.errors import BadFootage, ServerError

WORKER = "model_server.footage.worker"  # the module that runs there
MEMORY_LIMIT = 3_500_000_000  # bytes of address space, where the system can limit it
SILENCE_LIMIT_S = 120.0  # seconds on one picture


def run_checked(work: dict[str, Any], name: str, progress: Callable[[float], None] | None = None) -> dict[str, Any]:
    """Do `work` (see worker.py) in a process of its own.

    Args:
        work: what to do, in plain values.
        name: of the footage, for messages.
        progress: gets the share that is done.

    Returns:
        What the work gave, in plain values.

    Raises:
        BadFootage: the footage can't be used, or its decoder crashed, hung or needed too much memory.
        ServerError: the process failed by itself.
    """
    with tempfile.TemporaryFile() as complaints:
        child = subprocess.Popen(
            [sys.executable, "-m", WORKER],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=complaints,
            env=_environment(),
            text=True,
            encoding="ascii",
        )
        watchdog = _Watchdog(child)
        try:
            answer = _listen(child, work, progress, watchdog)
            if answer is None:
                child.wait()
        finally:
            watchdog.stop()
            child.kill()
            child.communicate()
        if answer is None:
            complaints.seek(0)
            raise _death(child.returncode, watchdog.barked, name, complaints.read().decode(errors="replace"))
    if "error" in answer:
        raise BadFootage(answer["error"], hint=answer["hint"])
    return dict(answer["result"])


class _Watchdog:
    """Kills a process that has said nothing for too long."""

    def __init__(self, child: subprocess.Popen[str]) -> None:
        self._child, self.barked = child, False
        self._timer = threading.Timer(0, lambda: None)
        self.feed()

    def feed(self) -> None:
        self._timer.cancel()
        self._timer = threading.Timer(SILENCE_LIMIT_S, self._bark)
        self._timer.daemon = True
        self._timer.start()

    def stop(self) -> None:
        self._timer.cancel()

    def _bark(self) -> None:
        self.barked = True
        self._child.kill()


def _listen(
    child: subprocess.Popen[str],
    work: dict[str, Any],
    progress: Callable[[float], None] | None,
    watchdog: _Watchdog,
) -> dict[str, Any] | None:
    """The answer, or None where the process ended without one."""
    if child.stdin is None or child.stdout is None:
        raise ServerError("the footage process has no pipes")
    with contextlib.suppress(BrokenPipeError):  # it died at once: there is no answer then
        child.stdin.write(json.dumps(work) + "\n")
        child.stdin.flush()
    for line in child.stdout:
        watchdog.feed()
        if not line.endswith("\n"):
            return None  # it died while it spoke
        message: dict[str, Any] = json.loads(line)
        if "fraction" not in message:
            return message
        if progress is not None:
            progress(message["fraction"])
    return None


def _death(code: int, hung: bool, name: str, complaints: str) -> ServerError:
    """What the end of the process means: below 0 is a signal, and Windows gives crashes very large codes."""
    if hung:
        return BadFootage(
            f"'{name}' was given up: decoding one picture took longer than {SILENCE_LIMIT_S:.0f} s",
            hint="the file is most likely broken; export it again",
        )
    if code < 0 or code >= 0x80000000:
        return BadFootage(f"'{name}' crashed its decoder (code {code})", hint="the file is broken; export it again")
    last_line = complaints.strip().rpartition("\n")[2]
    return ServerError(f"the footage process ended with code {code}: {last_line}", hint="see the server's log")


def _environment() -> dict[str, str]:
    """One thread for linear algebra and few memory arenas: both reserve address space by the core."""
    root = str(Path(model_server.__file__).parents[1])
    path = os.pathsep.join(filter(None, [root, os.environ.get("PYTHONPATH", "")]))
    return {**os.environ, "PYTHONPATH": path, "OPENBLAS_NUM_THREADS": "1", "MALLOC_ARENA_MAX": "2"}
