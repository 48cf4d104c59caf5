"""A real server process on a free port, and a client that has its token."""

import contextlib
import hashlib
import os
import signal
import subprocess
import sys
import uuid
from pathlib import Path

import httpx

ROOT = Path(__file__).parents[1]


class RunningServer:
    """`with RunningServer(folder) as server:`; the same folder again is the same server started again."""

    def __init__(self, data: Path, *options: str) -> None:
        self.data, self._options = data, options

    def __enter__(self) -> "RunningServer":
        command = [sys.executable, "-m", "model_server", "serve", "--port", "0", "--data", self.data, *self._options]
        self.process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, bufsize=1)
        first, second = self.process.stdout.readline(), self.process.stdout.readline()
        self.address = first.split()[-1]
        self.token = Path(second.split(" is in ")[1].strip()).read_text()
        self.client = httpx.Client(
            base_url=self.address, headers={"Authorization": f"Bearer {self.token}"}, timeout=30, trust_env=False
        )
        return self

    def __exit__(self, *_) -> None:
        self.process.send_signal(signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(20)
        self.kill()

    def kill(self) -> None:
        """SIGKILL: what a crash is."""
        self.client.close()
        self.process.kill()
        self.process.wait(20)
        self.process.stdout.close()

    def send_file(self, file: Path) -> dict[str, str]:
        """Upload a file; its entry in a request."""
        content = file.read_bytes()
        sha256 = hashlib.sha256(content).hexdigest()
        answer = self.client.put(f"/v1/files/{sha256}", content=content)
        assert answer.status_code in (200, 201), answer.text
        return {"name": file.name, "sha256": sha256}

    def send_job(self, files: list[dict[str, str]], **more: object) -> str:
        """Queue a solve of files that were sent; its id."""
        job_id = str(uuid.uuid4())
        body = {"clip": {"name": "clip", "files": files}} | more
        answer = self.client.put(f"/v1/jobs/{job_id}", json=body)
        assert answer.status_code == 201, answer.text
        return job_id

    def job(self, job_id: str) -> dict:
        answer = self.client.get(f"/v1/jobs/{job_id}")
        assert answer.status_code == 200, answer.text
        return answer.json()


def alive(process_id: int) -> bool:
    """Whether a process runs; a zombie does not."""
    with contextlib.suppress(OSError, IndexError):
        return Path(f"/proc/{process_id}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    with contextlib.suppress(OSError):
        os.kill(process_id, 0)
        return not Path("/proc").exists()
    return False
