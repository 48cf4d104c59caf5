"""Jobs on disk: SQLite, so that a crash of any process loses none."""

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pydantic import TypeAdapter

from model_server.errors import ServerError
from model_server.jobs.job import Job, JobError, JobRequest, JobState

_REQUEST = TypeAdapter(JobRequest)
_SCHEMA = """
CREATE TABLE IF NOT EXISTS jobs (
    number INTEGER PRIMARY KEY AUTOINCREMENT,  -- the order of the queue
    id TEXT NOT NULL UNIQUE,
    request TEXT NOT NULL,
    state TEXT NOT NULL,
    stage TEXT,
    fraction REAL NOT NULL DEFAULT 0,
    worked_s REAL NOT NULL DEFAULT 0,
    died_in TEXT,
    error_code TEXT, error_message TEXT, error_hint TEXT
);
CREATE TABLE IF NOT EXISTS job_files (
    job_number INTEGER NOT NULL REFERENCES jobs(number) ON DELETE CASCADE,
    sha256 TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS job_files_by_hash ON job_files(sha256);
"""
_PLACE = "(SELECT COUNT(*) FROM jobs AS before WHERE before.state = 'queued' AND before.number <= jobs.number)"


class NoSuchJob(ServerError):
    status, code = 404, "no_such_job"


class OtherJob(ServerError):
    """The id belongs to a job with another request."""

    status, code = 409, "id_taken"


class JobStore:
    """Every method is one transaction and may be called from any thread."""

    def __init__(self, file: Path) -> None:
        self._lock = threading.Lock()
        self._connection = sqlite3.connect(file, check_same_thread=False, isolation_level=None)
        self._connection.row_factory = sqlite3.Row
        self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.execute("PRAGMA synchronous = NORMAL")
        self._connection.execute("PRAGMA foreign_keys = ON")
        self._connection.executescript(_SCHEMA)

    def close(self) -> None:
        with self._lock:
            self._connection.close()

    def add(self, job_id: str, request: JobRequest) -> bool:
        """Queue a job; False where the same one is there already.

        Raises:
            OtherJob: the id is taken by another request.
        """
        text = _REQUEST.dump_json(request).decode()
        with self._transaction() as connection:
            known = connection.execute("SELECT request FROM jobs WHERE id = ?", (job_id,)).fetchone()
            if known is not None:
                if known["request"] != text:
                    raise OtherJob(f"job {job_id} was made with another request", hint="make a new id")
                return False
            row = connection.execute(
                "INSERT INTO jobs (id, request, state) VALUES (?, ?, ?)", (job_id, text, JobState.QUEUED)
            )
            hashes = {file.sha256 for file in request.all_files}
            connection.executemany("INSERT INTO job_files VALUES (?, ?)", [(row.lastrowid, sha) for sha in hashes])
            return True

    def get(self, job_id: str) -> Job:
        """Raises NoSuchJob."""
        with self._transaction() as connection:
            row = connection.execute(f"SELECT *, {_PLACE} AS place FROM jobs WHERE id = ?", (job_id,)).fetchone()
        if row is None:
            raise NoSuchJob(f"there is no job {job_id}", hint="it may have been deleted; solve the clip again")
        return _job(row)

    def request(self, job_id: str) -> JobRequest:
        """Raises NoSuchJob."""
        with self._transaction() as connection:
            row = connection.execute("SELECT request FROM jobs WHERE id = ?", (job_id,)).fetchone()
        if row is None:
            raise NoSuchJob(f"there is no job {job_id}")
        return _REQUEST.validate_json(row["request"])

    def start_next(self) -> Job | None:
        """The job to work on now, marked as running: one that a crash cut off first, then the queue's head."""
        with self._transaction() as connection:
            row = connection.execute(
                "SELECT id FROM jobs WHERE state IN ('running', 'queued') ORDER BY state = 'queued', number LIMIT 1"
            ).fetchone()
            if row is None:
                return None
            connection.execute("UPDATE jobs SET state = 'running' WHERE id = ?", (row["id"],))
        return self.get(row["id"])

    def progress(self, job_id: str, stage: str, fraction: float, worked_s: float) -> None:
        """Note how far a running job is; `worked_s` are the seconds since last time. What is behind is ignored."""
        with self._transaction() as connection:
            connection.execute("UPDATE jobs SET worked_s = worked_s + ? WHERE id = ?", (worked_s, job_id))
            connection.execute(
                "UPDATE jobs SET stage = ?, fraction = ? WHERE id = ? AND (fraction < ? OR stage IS NULL)",
                (stage, fraction, job_id, fraction),
            )

    def died(self, job_id: str, stage: str | None) -> None:
        """Note in which stage a worker died."""
        with self._transaction() as connection:
            connection.execute("UPDATE jobs SET died_in = ? WHERE id = ?", (stage, job_id))

    def end(self, job_id: str, state: JobState, error: JobError | None = None) -> None:
        """Put a job in a final state; a job that has one already keeps it."""
        code, message, hint = (error.code, error.message, error.hint) if error else (None, None, None)
        with self._transaction() as connection:
            connection.execute(
                "UPDATE jobs SET state = ?, error_code = ?, error_message = ?, error_hint = ?, "
                "fraction = CASE WHEN ? = 'done' THEN 1 ELSE fraction END "
                "WHERE id = ? AND state IN ('queued', 'running')",
                (state, code, message, hint, state, job_id),
            )

    def cancel_queued(self, job_id: str) -> bool:
        """Cancel a job that no worker has begun; False where it is not queued."""
        with self._transaction() as connection:
            sql = "UPDATE jobs SET state = 'canceled' WHERE id = ? AND state = 'queued'"
            return connection.execute(sql, (job_id,)).rowcount == 1

    def remove(self, job_id: str) -> list[str]:
        """Forget a job; the hashes of its files that no other job needs."""
        with self._transaction() as connection:
            own = "SELECT sha256 FROM job_files JOIN jobs ON number = job_number WHERE id = ?"
            others = "SELECT sha256 FROM job_files JOIN jobs ON number = job_number WHERE id != ?"
            rows = connection.execute(f"{own} EXCEPT {others}", (job_id, job_id)).fetchall()
            connection.execute("DELETE FROM jobs WHERE id = ?", (job_id,))
        return [row["sha256"] for row in rows]

    def has(self, job_id: str) -> bool:
        return job_id in self.ids()

    def ids(self) -> set[str]:
        with self._transaction() as connection:
            return {row["id"] for row in connection.execute("SELECT id FROM jobs")}

    def needed_files(self) -> set[str]:
        """Hashes of all files of all jobs."""
        with self._transaction() as connection:
            return {row["sha256"] for row in connection.execute("SELECT DISTINCT sha256 FROM job_files")}

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
            except BaseException:
                self._connection.execute("ROLLBACK")
                raise
            self._connection.execute("COMMIT")


def _job(row: sqlite3.Row) -> Job:
    state = JobState(row["state"])
    error = JobError(row["error_code"], row["error_message"], row["error_hint"]) if row["error_code"] else None
    return Job(
        id=row["id"],
        state=state,
        stage=row["stage"],
        fraction=row["fraction"],
        place=row["place"] if state is JobState.QUEUED else None,
        worked_s=row["worked_s"],
        died_in=row["died_in"],
        error=error,
    )
