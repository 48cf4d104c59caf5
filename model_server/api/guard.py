"""Who may call: requests must name this machine, and carry the token."""

import ipaddress
import os
import secrets
import socket
from pathlib import Path

from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from model_server.api.answers import error_answer

_OPEN_PATH = "/v1/health"


class Guard:
    """ASGI middleware: nothing of the request is read before it has passed.

    The Host header is checked because a web page may point its own name at 127.0.0.1 (DNS rebinding); the browser
    then sends that name. There are no CORS headers, so a page of another origin can't read an answer either.
    """

    def __init__(self, app: ASGIApp, token: str, hosts: frozenset[str], any_address: bool) -> None:
        self._app, self._token = app, token.encode()
        self._hosts, self._any_address = hosts, any_address

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
        elif scope["type"] == "http":
            refusal = self._refusal(scope)
            await (refusal or self._app)(scope, receive, send)

    def _refusal(self, scope: Scope) -> Response | None:
        headers = Headers(scope=scope)
        if not self._names_this_machine(headers.getlist("host")):
            hint = "call it by the address that the server printed"
            return error_answer(403, "wrong_host", "this name does not belong to the server", hint)
        if scope["path"] != _OPEN_PATH and not self._has_token(headers.getlist("authorization")):
            hint = "send Authorization: Bearer <token>; the server printed where its token is"
            return error_answer(401, "wrong_token", "the token is missing or wrong", hint)
        return None

    def _names_this_machine(self, values: list[str]) -> bool:
        if len(values) != 1:
            return False
        host = _without_port(values[0]).lower()
        return host in self._hosts or (self._any_address and _is_address(host))

    def _has_token(self, values: list[str]) -> bool:
        if len(values) != 1:
            return False
        scheme, _, token = values[0].partition(" ")
        return scheme.lower() == "bearer" and secrets.compare_digest(token.encode("latin-1", "replace"), self._token)


def allowed_hosts(listen_on: str) -> tuple[frozenset[str], bool]:
    """Names that requests may call the server by, and whether any bare address will do.

    A bare address can't be rebound, so it is fine where the server listens on all of them.
    """
    hosts = {"127.0.0.1", "localhost", "[::1]", f"[{listen_on}]".lower() if ":" in listen_on else listen_on.lower()}
    everywhere = listen_on in ("0.0.0.0", "::")
    if everywhere:
        hosts |= {socket.gethostname().lower(), socket.getfqdn().lower()}
    return frozenset(hosts), everywhere


def token_in(file: Path) -> str:
    """The token in `file`, made at the first start; only its owner can read it."""
    try:
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        file.chmod(0o600)
        return file.read_text(encoding="ascii").strip()
    with os.fdopen(descriptor, "w", encoding="ascii") as stream:
        stream.write(secrets.token_urlsafe(32))
    return file.read_text(encoding="ascii")


def _without_port(host: str) -> str:
    name, _, port = host.rpartition(":")
    return name if name and port.isdigit() and (not name.startswith("[") or name.endswith("]")) else host


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return False
    return True
