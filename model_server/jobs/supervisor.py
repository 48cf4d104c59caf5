"""One thread that takes jobs off the queue and gives each to a worker process of its own.

A process a job: what a job leaves behind in memory ends with it, and to cancel is to end the process.
"""

import contextlib
import logging
import os
import subprocess
import sys
import threading
import time
from typing import TextIO, cast

import psutil

from model_server.jobs.folders import DataFolder, JobFolder
from model_server.jobs.job import Job, JobError, JobState
from model_server.jobs.messages import Order, Report, order_line, read_report
from model_server.jobs.store import JobStore
from model_server.linear_algebra import use_one_thread

_log = logging.getLogger(__name__)
_END_WITHIN_S = 5.0


class Supervisor:
    """`start` it, `wake` it when a job was queued, `stop` it at the end; a job that runs then goes on next time."""

    def __init__(self, store: JobStore, folder: DataFolder) -> None:
        self._store, self._folder = store, folder
        self._lock = threading.Lock()
        self._wake, self._idle = threading.Event(), threading.Event()
        self._idle.set()
        self._stopping = False
        self._running: str | None = None
        self._canceled = False
        self._worker: subprocess.Popen[str] | None = None
        self._thread = threading.Thread(target=self._run, name="supervisor", daemon=True)

    @property
    def is_busy(self) -> bool:
        return self._running is not None

    def start(self) -> None:
        self._thread.start()

    def wake(self) -> None:
        self._wake.set()

    def stop(self) -> None:
        """End the worker and the thread."""
        with self._lock:
            self._stopping = True
            self._end_worker()
        self._wake.set()
        self._thread.join(_END_WITHIN_S)

    def cancel(self, job_id: str) -> None:
        """End the work on a job; it is canceled when this returns, unless it ended by itself just before."""
        if self._store.cancel_queued(job_id):
            return
        with self._lock:
            if self._running != job_id:
                return
            self._canceled = True
            self._end_worker()
        self._idle.wait(_END_WITHIN_S)

    def _run(self) -> None:
        while not self._stopping:
            self._wake.clear()
            job = self._store.start_next()
            if job is None:
                self._wake.wait()
                continue
            with self._lock:
                self._running, self._canceled = job.id, False
                self._idle.clear()
            try:
                self._work(job)
            except Exception as error:  # the edge of the thread: the next job must still run
                _log.exception("job %s", job.id)
                message = f"the server could not run the job: {error}"
                self._store.end(job.id, JobState.FAILED, JobError("internal", message, "see the server's log"))
            finally:
                with self._lock:
                    self._running, self._worker = None, None
                self._idle.set()

    def _work(self, job: Job) -> None:
        """Run one worker to its end and note how it ended."""
        folder = self._folder.job(job.id)
        request = self._store.request(job.id)
        footage = folder.lay_out_footage(request.files, self._folder.files)
        settings = folder.with_mattes(request, self._folder.files)
        order = Order(request.clip_name, footage, settings, folder.workspace, folder.package)
        last = self._listen(job.id, order, folder)
        if self._stopping:
            return
        if self._canceled:
            self._store.end(job.id, JobState.CANCELED)
        elif last.done:
            self._store.end(job.id, JobState.DONE)
        elif last.error is not None:
            self._store.end(job.id, JobState.FAILED, last.error)
        else:
            self._note_death(job)
        if self._store.get(job.id).state.is_final:
            folder.remove_work()

    def _listen(self, job_id: str, order: Order, folder: JobFolder) -> Report:
        """Start a worker and follow it to its end; the last thing it said."""
        with folder.log.open("ab") as log:
            command = [sys.executable, "-m", "model_server.jobs.worker"]
            pipe, environment = subprocess.PIPE, dict(os.environ)
            use_one_thread(environment)
            worker = subprocess.Popen(
                command, stdin=pipe, stdout=pipe, stderr=log, text=True, encoding="utf-8", env=environment
            )
        with self._lock:
            self._worker = worker
            if self._canceled or self._stopping:
                self._end_worker()
        report, heard = Report(), time.monotonic()
        # Standard input stays open while the worker lives: its end tells the worker that the server is gone.
        with contextlib.suppress(BrokenPipeError), worker:
            orders, reports = cast(TextIO, worker.stdin), cast(TextIO, worker.stdout)
            orders.write(order_line(order))
            orders.flush()
            for line in reports:
                if not line.endswith("\n"):  # killed in the middle of it
                    break
                report, now = read_report(line), time.monotonic()
                if report.stage:
                    self._store.progress(job_id, report.stage, report.fraction, now - heard)
                heard = now
        return report

    def _note_death(self, job: Job) -> None:
        """A worker that ended without a word: once a job is taken up again, twice in one stage fails it."""
        stage = self._store.get(job.id).stage
        code = self._worker.returncode if self._worker else None
        _log.warning("the worker of job %s died in stage %s, exit code %s", job.id, stage, code)
        if job.died_in is None or job.died_in != (stage or ""):
            self._store.died(job.id, stage or "")
            return
        message = f"the worker died twice in the stage {stage or 'footage'} (exit code {code})"
        if code is not None and code < 0:  # by a signal
            hint = "often there is too little memory: solve fewer frames, or close other programs"
        else:
            hint = f"a bug of ours; the server keeps the log of job {job.id}"
        self._store.end(job.id, JobState.FAILED, JobError("worker_died", message, hint))

    def _end_worker(self) -> None:
        """Kill the worker and whatever it started; holds the lock."""
        if self._worker is None or self._worker.poll() is not None:
            return
        with contextlib.suppress(psutil.NoSuchProcess):
            worker = psutil.Process(self._worker.pid)
            for process in [worker, *worker.children(recursive=True)]:
                with contextlib.suppress(psutil.NoSuchProcess):
                    process.kill()
