"""A Hugging Face hub on this machine, as far as a download goes: HEAD, a redirect to its store, ranges, its errors."""

import hashlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

_COMMIT = "5" * 40


@dataclass
class Hub:
    """What it holds and how it behaves; tests change that while it runs."""

    files: dict[str, bytes] = field(default_factory=dict)  # "datasets/owner/name/file" -> content
    sent_instead: bytes | None = None  # other content than it says it has
    breaks_after: int | None = None  # bytes of each answer until the line goes dead
    stalls_after: int | None = None  # bytes of each answer until nothing more comes, the line still open
    knows_ranges: bool = True
    error_code: str = ""  # e.g. GatedRepo: the answer to all questions
    ranges: list[str] = field(default_factory=list)  # what was asked for, "" for a whole file
    stalled: threading.Event = field(default_factory=threading.Event)
    released: threading.Event = field(default_factory=threading.Event)
    address: str = ""
    store: str = ""  # where the large files lie: another host, as the real hub's are


@contextmanager
def running_hub() -> Iterator[Hub]:
    hub = Hub()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_HEAD(self) -> None:
            _answer(self, hub)

        def do_GET(self) -> None:
            _answer(self, hub)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    hub.address, hub.store = (f"http://{host}:{server.server_port}" for host in ("127.0.0.1", "localhost"))
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield hub
    finally:
        hub.released.set()
        server.shutdown()
        server.server_close()
        thread.join()


def _answer(request: BaseHTTPRequestHandler, hub: Hub) -> None:
    stored = request.path.startswith("/store/")
    name = request.path.removeprefix("/store/") if stored else _name_of(request.path)
    content = hub.files.get(name)
    if hub.error_code or content is None:
        _send(request, 403 if hub.error_code else 404, {"X-Error-Code": hub.error_code or "EntryNotFound"})
    elif not stored:
        digest = hashlib.sha256(content).hexdigest()
        linked = {"X-Repo-Commit": _COMMIT, "X-Linked-Etag": f'"{digest}"', "X-Linked-Size": str(len(content))}
        _send(request, 302, linked | {"Location": f"{hub.store}/store/{name}"})
    else:
        _send_content(request, hub, content if hub.sent_instead is None else hub.sent_instead)


def _name_of(path: str) -> str:
    """ "datasets/owner/name/file" of "/datasets/owner/name/resolve/REVISION/file"."""
    repository, _, rest = path.lstrip("/").partition("/resolve/")
    return f"{repository}/{rest.partition('/')[2]}"


def _send_content(request: BaseHTTPRequestHandler, hub: Hub, content: bytes) -> None:
    wanted = request.headers.get("Range", "")
    hub.ranges.append(wanted)
    wanted = wanted if hub.knows_ranges else ""
    start = int(wanted.removeprefix("bytes=").rstrip("-")) if wanted else 0
    part = content[start:]
    ranged = {"Content-Range": f"bytes {start}-{len(content) - 1}/{len(content)}"} if wanted else {}
    head = {"Content-Length": str(len(part)), "Accept-Ranges": "bytes"} | ranged
    if hub.stalls_after is not None:
        _send(request, 206 if wanted else 200, head, part[: hub.stalls_after])
        hub.stalled.set()
        hub.released.wait(60)
        request.close_connection = True
        return
    _send(request, 206 if wanted else 200, head, part[: hub.breaks_after])
    if hub.breaks_after is not None and hub.breaks_after < len(part):
        request.close_connection = True


def _send(request: BaseHTTPRequestHandler, status: int, headers: dict[str, str], body: bytes = b"") -> None:
    request.send_response(status)
    for name, value in ({"Content-Length": "0"} | headers).items():
        request.send_header(name, value)
    request.end_headers()
    if request.command == "GET":
        with suppress(ConnectionError):  # the other side may have heard enough
            request.wfile.write(body)
