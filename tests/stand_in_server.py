"""Speaks the HTTP API of DESIGN.md for tests of the client: every job ends at once with a package that is ready."""

import hashlib
import json
import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

TOKEN = "stand-in"


class StandInServer:
    """`with StandInServer(package) as server:`; what it was asked is in `asked`, what it was sent in `files`."""

    def __init__(self, package: Path | None = None, api: int = 1) -> None:
        self.package, self.api = package, api
        self.asked: list[tuple[str, str, str]] = []  # method, path, Range or Content-Range
        self.files: dict[str, bytes] = {}
        self.jobs: dict[str, dict] = {}
        self.cut_after: dict[str, int] = {}  # path in the package -> bytes after which its next answer breaks off
        self.states: list[dict] = []  # answers to the next questions about a job, before it is done

    def __enter__(self) -> "StandInServer":
        server = self

        class Handler(_Handler):
            stand_in = server

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._http.daemon_threads = True
        self.address = f"http://127.0.0.1:{self._http.server_port}"
        threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        return self

    def __exit__(self, *_) -> None:
        self._http.shutdown()
        self._http.server_close()

    def status(self, state: str = "done", **more: object) -> dict:
        facts = {"stage": None, "fraction": 1.0, "place": None, "seconds_left": None, "error": None}
        return {"id": "x", "state": state} | facts | more


class _Handler(BaseHTTPRequestHandler):
    stand_in: StandInServer

    def log_message(self, *_) -> None: ...

    def _answer(self, status: int, body: bytes = b"", **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def _json(self, status: int, body: dict) -> None:
        self._answer(status, json.dumps(body).encode())

    def _serve(self) -> None:
        server = self.stand_in
        spans = self.headers.get("Range") or self.headers.get("Content-Range") or ""
        server.asked.append((self.command, self.path, spans))
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        if self.path == "/v1/health":
            versions = {"server": "9.9", "api": server.api, "package": "1.0"}
            engines = [{"name": "classical", "weights": None, "license": None}]
            return self._json(200, {"state": "idle", "device": "none", "engines": engines, "versions": versions})
        if self.headers.get("Authorization") != f"Bearer {TOKEN}":
            error = {"code": "wrong_token", "message": "the token is missing or wrong", "hint": ""}
            return self._json(401, {"error": error})
        kind, _, rest = self.path.removeprefix("/v1/").partition("/")
        return self._file(rest, body, spans) if kind == "files" else self._job(*rest.partition("/")[::2], body)

    do_GET = do_PUT = do_POST = do_HEAD = do_DELETE = _serve

    def _file(self, sha256: str, body: bytes, span: str) -> None:
        files = self.stand_in.files
        if self.command == "HEAD":
            here = files.get(sha256, b"")
            whole = hashlib.sha256(here).hexdigest() == sha256
            return self._answer(200 if whole else 404, Upload_Offset=str(len(here)))
        files[sha256] = (files[sha256] if span else b"") + body
        return self._answer(201)

    def _job(self, job_id: str, rest: str, body: bytes) -> None:
        server = self.stand_in
        if self.command == "PUT":
            server.jobs[job_id] = json.loads(body)
            return self._json(201, server.status("queued", place=1))
        if rest.startswith("package/"):
            return self._package_file(rest.removeprefix("package/"))
        return self._json(200, server.states.pop(0) if server.states else server.status())

    def _package_file(self, path: str) -> None:
        content = (self.stand_in.package / path).read_bytes()
        start = int(match[1]) if (match := re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))) else 0
        cut = self.stand_in.cut_after.pop(path, None)
        self.send_response(206 if start else 200)
        self.send_header("Content-Length", str(len(content) - start))
        self.end_headers()
        self.wfile.write(content[start:cut])
        self.close_connection = True
