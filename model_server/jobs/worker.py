"""The process that solves one job: `python -m model_server.jobs.worker`, started by the supervisor.

It reads its order from standard input, and ends when that closes: then the server is gone. It reports on what was
standard output; what libraries print goes to standard error, the job's log.
"""

import ctypes
import logging
import os
import signal
import sys
import threading
import time
from typing import TextIO

from model_server.errors import ServerError
from model_server.jobs.job import JobError
from model_server.jobs.lock import only_one
from model_server.jobs.messages import Order, Report, read_order, report_line
from model_server.package.writer import is_package
from model_server.pipeline.run import solve_clip
from model_server.pipeline.stages import overall

_PR_SET_PDEATHSIG = 1
_WAIT_FOR_OLD_WORKER_S = 30.0  # one whose server died may need a moment to notice
_REPORT_EVERY_S = 0.1


def main() -> None:
    _die_with_server()
    reports = os.fdopen(os.dup(1), "w", encoding="utf-8", buffering=1)
    os.dup2(2, 1)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(message)s")
    order = read_order(sys.stdin.readline())
    threading.Thread(target=_watch_server, name="watch server", daemon=True).start()
    reports.write(report_line(_work(order, reports)))
    reports.flush()


def _work(order: Order, reports: TextIO) -> Report:
    try:
        with only_one(order.workspace.parent, wait_s=_WAIT_FOR_OLD_WORKER_S):
            if not is_package(order.package):  # it is there when a crash came between its last step and the report
                tell = _Throttled(reports)
                solve_clip(order.footage, order.settings, order.workspace, order.package, tell, name=order.clip_name)
    except ServerError as error:
        logging.exception("the job failed")
        return Report(error=JobError(error.code, error.message, error.hint))
    except Exception as error:  # the edge of the process: a bug becomes a failed job that says where to look
        logging.exception("the job failed for a reason that is a bug")
        log = order.workspace.parent.name
        message = f"Page4D failed: {type(error).__name__}: {error}"
        return Report(error=JobError("internal", message, f"a bug of ours; the server keeps the log of job {log}"))
    return Report(done=True)


class _Throttled:
    """Progress for the pipe: every new stage, and otherwise ten lines a second at most."""

    def __init__(self, reports: TextIO) -> None:
        self._reports, self._stage, self._next = reports, "", 0.0
        self._lock = threading.Lock()  # stages report from threads of theirs, too

    def __call__(self, stage: str, fraction: float) -> None:
        with self._lock:
            now = time.monotonic()
            if stage == self._stage and now < self._next:
                return
            self._stage, self._next = stage, now + _REPORT_EVERY_S
            self._reports.write(report_line(Report(stage, overall(stage, fraction))))


def _die_with_server() -> None:
    """Ask Linux to kill this process with its parent; `_watch_server` does it on other systems."""
    if sys.platform == "linux":
        parent = os.getppid()
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:  # it died before the call
            os._exit(1)


def _watch_server() -> None:
    sys.stdin.read()
    os._exit(1)


if __name__ == "__main__":
    main()
