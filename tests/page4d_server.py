"""A real server for tests that run inside Blender, whose Python has none of the server's packages."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).parents[1]
_LOCAL = ROOT / ".venv" / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
SERVER_PYTHON = Path(os.environ.get("PAGE4D_SERVER_PYTHON", _LOCAL))


@contextmanager
def server_process(data: Path, port: int = 0) -> Iterator[tuple[str, Path]]:
    """Start `page4d-server serve` in its own environment; its address, and the file of its token."""
    command = [str(SERVER_PYTHON), "-m", "model_server", "serve", "--port", str(port), "--data", str(data)]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    try:
        address, token = (process.stdout.readline().strip() for _ in range(2))
        assert address, "the server did not start"
        yield address.split()[-1], Path(token.split(" is in ")[1])
    finally:
        process.terminate()
        process.wait(20)
        process.stdout.close()


def write_footage(folder: Path) -> Path:
    """The synthetic clip as images, written by the server's Python; returns the folder."""
    code = (
        "import sys; from pathlib import Path; from synthetic_footage import small_clip, write_sequence; "
        "write_sequence(Path(sys.argv[1]), small_clip())"
    )
    subprocess.run([str(SERVER_PYTHON), "-c", code, str(folder)], cwd=ROOT / "tests", check=True)
    return folder


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return listening.getsockname()[1]


def run_page4d(*arguments: object, **environment: str) -> subprocess.CompletedProcess[str]:
    """`python -m page4d_blender ...` in a process of its own."""
    command = [sys.executable, "-m", "page4d_blender", *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, env=os.environ | environment, capture_output=True, text=True, timeout=300)
