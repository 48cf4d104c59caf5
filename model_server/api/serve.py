"""Run the API on a socket until the process is told to end."""

import socket
from collections.abc import Callable

import uvicorn

from model_server.api.app import create_app
from model_server.api.guard import token_in
from model_server.errors import BadInput
from model_server.jobs.folders import DataFolder
from model_server.jobs.service import open_service

_END_WITHIN_S = 3  # open event streams are cut then


class CannotListen(BadInput):
    code = "cannot_listen"


def serve(host: str, port: int, folder: DataFolder, limit_bytes: int, ready: Callable[[str], None]) -> None:
    """Serve until SIGINT or SIGTERM.

    Args:
        port: 0 takes a free one.
        limit_bytes: of one file that a client sends.
        ready: is told the address when requests can come.

    Raises:
        CannotListen: the address is taken or not this machine's.
        InUse: another server works in this data folder.
    """
    with _listen(host, port) as listening, open_service(folder, limit_bytes) as service:
        app = create_app(service, token_in(folder.token), host)
        config = uvicorn.Config(
            app, log_level="warning", access_log=False, server_header=False, timeout_graceful_shutdown=_END_WITHIN_S
        )
        name = f"[{host}]" if ":" in host else host
        ready(f"http://{name}:{listening.getsockname()[1]}")
        uvicorn.Server(config).run(sockets=[listening])


def _listen(host: str, port: int) -> socket.socket:
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        return socket.create_server((host, port), family=family, backlog=128)
    except (OSError, OverflowError) as error:
        hint = "give another one with --port, or see whether a server runs already"
        raise CannotListen(f"can't listen on {host} port {port}: {error}", hint=hint) from error
