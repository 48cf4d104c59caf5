"""Everything the API can ask of jobs and files."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from model_server.errors import ServerError
from model_server.jobs.files import FileStore
from model_server.jobs.folders import DataFolder
from model_server.jobs.job import Job, JobRequest, JobState
from model_server.jobs.lock import only_one
from model_server.jobs.store import JobStore
from model_server.jobs.supervisor import Supervisor
from model_server.pipeline.support import check_support


class MissingFiles(ServerError):
    status, code = 409, "files_missing"


class NotDone(ServerError):
    status, code = 409, "not_done"


class JobService:
    """Made by `open_service`; every method may be called from any thread."""

    def __init__(self, folder: DataFolder, store: JobStore, files: FileStore, supervisor: Supervisor) -> None:
        self.files = files
        self._folder, self._store, self._supervisor = folder, store, supervisor
        self._lock = threading.Lock()  # a file may not be forgotten while a job that needs it is being added

    @property
    def is_busy(self) -> bool:
        return self._supervisor.is_busy

    def submit(self, job_id: str, request: JobRequest) -> bool:
        """Queue a job; False where the same one is there already.

        Raises:
            BadInput: the id is not a UUID, or the pipeline can't do what is asked.
            OtherJob: the id belongs to another request.
            MissingFiles: contents that were not sent; the message names some.
        """
        folder = self._folder.job(job_id)
        check_support(request.settings)
        with self._lock:
            if not self._store.has(job_id):
                self._need_files(request)
            added = self._store.add(job_id, request)
            if added:
                folder.root.mkdir(parents=True, exist_ok=True)
        self._supervisor.wake()
        return added

    def get(self, job_id: str) -> Job:
        """Raises NoSuchJob."""
        return self._store.get(job_id)

    def cancel(self, job_id: str) -> Job:
        """End the computation; a job that has ended already stays as it is. Raises NoSuchJob."""
        self._store.get(job_id)
        self._supervisor.cancel(job_id)
        return self._store.get(job_id)

    def delete(self, job_id: str) -> None:
        """Forget a job, its result and the files that no other job needs. Raises NoSuchJob."""
        self.cancel(job_id)
        with self._lock:
            self.files.remove(self._store.remove(job_id))
        self._folder.job(job_id).remove()

    def package(self, job_id: str) -> Path:
        """The folder of a job's result; raises NoSuchJob, and NotDone while there is none."""
        job = self._store.get(job_id)
        if job.state is not JobState.DONE:
            raise NotDone(f"job {job_id} is {job.state}", hint="its package is there when it is done")
        return self._folder.job(job_id).package

    def _need_files(self, request: JobRequest) -> None:
        missing = sorted({file.name for file in request.all_files if not self.files.has(file.sha256)})
        if missing:
            some = ", ".join(missing[:5]) + (" ..." if len(missing) > 5 else "")
            raise MissingFiles(f"{len(missing)} files were not sent: {some}", hint="send them, then the job again")


@contextmanager
def open_service(folder: DataFolder, limit_bytes: int) -> Iterator[JobService]:
    """Take the data folder, clear what crashes left, and work on jobs until the block ends.

    Args:
        limit_bytes: of one file that a client sends.

    Raises:
        InUse: another server works in this data folder.
    """
    folder.root.mkdir(mode=0o700, parents=True, exist_ok=True)  # footage is nobody else's business
    with only_one(folder.root):
        store = JobStore(folder.database)
        files = FileStore(folder.files, limit_bytes)
        _clear(folder, store, files)
        supervisor = Supervisor(store, folder)
        supervisor.start()
        try:
            yield JobService(folder, store, files, supervisor)
        finally:
            supervisor.stop()
            store.close()


def _clear(folder: DataFolder, store: JobStore, files: FileStore) -> None:
    files.remove_unused(store.needed_files())
    known = store.ids()
    for left in folder.jobs.iterdir() if folder.jobs.is_dir() else ():
        if left.name not in known:
            folder.job(left.name).remove()
