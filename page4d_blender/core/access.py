"""Where the server is, and the token that it wants."""

import ipaddress
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from .errors import Page4DError

DEFAULT_ADDRESS = "http://127.0.0.1:8712"
TOKEN_VARIABLE = "PAGE4D_TOKEN"


class BadAddress(Page4DError):
    """What was given as the server's address is none."""


class NoToken(Page4DError):
    """The server wants a token, and none was found."""


@dataclass(frozen=True)
class ServerAddress:
    url: str  # no slash at the end
    host: str
    port: int

    @property
    def is_this_machine(self) -> bool:
        """Loopback only; a call to it never leaves the machine, proxies included."""
        if self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False


def parse_address(text: str) -> ServerAddress:
    """Read what an artist typed; `127.0.0.1:8712` counts as `http://127.0.0.1:8712`.

    Raises:
        BadAddress: no http or https address.
    """
    url = text.strip().rstrip("/")
    url = url if "://" in url else f"http://{url}"
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise _bad(text) from error
    if parts.scheme not in ("http", "https") or not host or parts.username or parts.path or parts.query:
        raise _bad(text)
    return ServerAddress(url, host, port or (443 if parts.scheme == "https" else 80))


def find_token(address: ServerAddress, given: str = "", file: Path | None = None) -> str:
    """The token for a server: `given`, else in `file`, else `PAGE4D_TOKEN`, else what a server here has written.

    A token of this machine's server is never sent to another machine.

    Raises:
        NoToken: there is none, or the file can't be read.
    """
    if given.strip():
        return given.strip()
    if file is not None:
        return _read(file)
    if from_environment := os.environ.get(TOKEN_VARIABLE, "").strip():
        return from_environment
    if not address.is_this_machine:
        hint = "ask whoever runs that server for its token"
        raise NoToken(f"the server at {address.url} wants a token, and none was given", hint=hint)
    return _read(server_data_folder() / "token")


def server_data_folder() -> Path:
    """Where `page4d-server serve` keeps its data unless it is told otherwise, on each system."""
    if sys.platform == "win32":
        base = Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData/Local")
    elif sys.platform == "darwin":
        base = Path.home() / "Library/Application Support"
    else:
        base = Path(os.environ.get("XDG_DATA_HOME", "").strip() or Path.home() / ".local/share")
    return base / "page4d"


def _read(file: Path) -> str:
    try:
        token = file.read_text(encoding="ascii").strip()
    except FileNotFoundError as error:
        hint = "the server prints where its token is when it starts; give that file or its content"
        raise NoToken(f"there is no token at {file}", hint=hint) from error
    except (OSError, UnicodeDecodeError) as error:
        hint = "give the file that the server printed when it started"
        raise NoToken(f"the token at {file} can't be read: {error}", hint=hint) from error
    if not token:
        raise NoToken(f"the token file {file} is empty", hint="stop the server, remove the file, start the server")
    return token


def _bad(text: str) -> BadAddress:
    return BadAddress(f"{text!r:.80} is no server address", hint=f"write it like {DEFAULT_ADDRESS}")
