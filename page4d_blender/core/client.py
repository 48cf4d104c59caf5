"""The server's HTTP API, call by call (DESIGN.md). What a call raises, an artist can read."""

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

import requests

from .access import ServerAddress, find_token
from .errors import Page4DError

API_VERSION = 1
_CONNECT_S = 3.05
_ANSWER_S = 60.0  # without a byte; there is no limit on the whole
_HASHING_S = 3600.0  # after the last byte of an upload the server hashes the file


class ServerError(Page4DError):
    """A call failed; where the server answered, `code` is its stable word for why, and `status` the HTTP status."""

    def __init__(self, message: str, *, hint: str = "", code: str = "", status: int = 0) -> None:
        super().__init__(message, hint=hint)
        self.code, self.status = code, status

    @property
    def is_our_fault(self) -> bool:
        return self.status >= 500


class NoAnswer(ServerError):
    """Nothing answers, or the answer broke off. Every call may be made again."""


class JobState(StrEnum):
    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELED = "canceled"


@dataclass(frozen=True)
class Health:
    """What runs there; anyone may ask."""

    server: str  # version
    device: str
    engines: tuple[str, ...]  # that can run there
    is_busy: bool


@dataclass(frozen=True)
class JobError:
    code: str
    message: str
    hint: str


@dataclass(frozen=True)
class JobStatus:
    state: JobState
    stage: str | None
    fraction: float  # of the whole job
    place: int | None  # in the queue; 1 is next
    seconds_left: float | None
    error: JobError | None


def connect(address: ServerAddress, token: str = "", token_file: Path | None = None) -> "Client":
    """A client of a server that is there, is of this version, and takes the token.

    Raises:
        NoAnswer: nobody is there.
        NoToken: none was given, and none was found.
        ServerError: another version, something else, or the token is refused.
    """
    Client(address).health()
    client = Client(address, find_token(address, token, token_file))
    client.check_token()
    return client


class Client:
    """One server. Each instance is for one thread."""

    def __init__(self, address: ServerAddress, token: str = "") -> None:
        self.address = address
        self._session = requests.Session()
        # Calls to this machine must not go through a proxy; others follow the environment.
        self._session.trust_env = not address.is_this_machine
        if token:
            self._session.headers["Authorization"] = f"Bearer {token}"

    def health(self) -> Health:
        """Ask who is there.

        Raises:
            NoAnswer: nobody.
            ServerError: something else than this version's server.
        """
        try:
            answer = self.call("GET", "/v1/health").json()
            versions = answer["versions"]
            api, server = int(versions["api"]), str(versions["server"])
            engines = tuple(str(engine["name"]) for engine in answer["engines"] if engine.get("ready", True))
            health = Health(server, str(answer["device"]), engines, answer["state"] == "busy")
        except (ValueError, KeyError, TypeError) as error:
            raise self._stranger() from error
        except NoAnswer:
            raise
        except ServerError as error:
            raise error if error.code else self._stranger() from error
        if api != API_VERSION:
            older = "the server" if api < API_VERSION else "the extension"
            raise ServerError(
                f"the server at {self.address.url} (version {server}) speaks API {api}; "
                f"this extension speaks API {API_VERSION}",
                hint=f"update {older}",
            )
        return health

    def check_token(self) -> None:
        """Raises ServerError where the server does not take the token."""
        self.call("HEAD", f"/v1/files/{'0' * 64}", accept=(404,))

    def submit(self, job_id: str, request: dict[str, Any]) -> JobStatus:
        """Queue a job; the same id with the same request again does no harm. Raises ServerError."""
        return _job_status(self.call("PUT", f"/v1/jobs/{job_id}", json=request))

    def job(self, job_id: str) -> JobStatus:
        """Raises ServerError."""
        return _job_status(self.call("GET", f"/v1/jobs/{job_id}"))

    def cancel(self, job_id: str) -> JobStatus:
        """Stop the computation; returns when it has stopped. Raises ServerError."""
        return _job_status(self.call("POST", f"/v1/jobs/{job_id}/cancel"))

    def forget(self, job_id: str) -> None:
        """Remove the job and its files from the server. Raises ServerError."""
        self.call("DELETE", f"/v1/jobs/{job_id}")

    def call(self, method: str, path: str, *, accept: tuple[int, ...] = (), **more: Any) -> requests.Response:
        """Any call; the answer is one of success, or of a status in `accept`.

        Raises:
            NoAnswer: the connection failed or broke.
            ServerError: the server refused.
        """
        timeout = (_CONNECT_S, _HASHING_S if "data" in more else _ANSWER_S)
        try:
            response = self._session.request(
                method, self.address.url + path, timeout=timeout, allow_redirects=False, **more
            )
        except requests.exceptions.RequestException as error:
            raise self._no_answer(error) from error
        if response.status_code in accept or 200 <= response.status_code < 300:
            return response
        with response:
            raise _refusal(response)

    def _no_answer(self, error: Exception) -> ServerError:
        if isinstance(error, requests.exceptions.SSLError):
            return ServerError(f"the connection to {self.address.url} is not secure: {error}", hint="ask its owner")
        if isinstance(error, (requests.exceptions.ConnectionError, requests.exceptions.Timeout)):
            hint = "start one: page4d-server serve" if self.address.is_this_machine else "see whether it runs there"
            return NoAnswer(f"no server answers at {self.address.url}", hint=hint)
        return ServerError(f"the call to {self.address.url} failed: {error}", hint="check the server's address")

    def _stranger(self) -> ServerError:
        hint = "check the address and the port; page4d-server prints its own"
        return ServerError(f"what answers at {self.address.url} is not a Page4D server", hint=hint)


def _job_status(response: requests.Response) -> JobStatus:
    try:
        answer = response.json()
        error, place, left = answer["error"], answer["place"], answer["seconds_left"]
        return JobStatus(
            state=JobState(answer["state"]),
            stage=answer["stage"],
            fraction=float(answer["fraction"]),
            place=None if place is None else int(place),
            seconds_left=None if left is None else float(left),
            error=None if error is None else JobError(error["code"], error["message"], error["hint"]),
        )
    except (ValueError, KeyError, TypeError) as problem:
        hint = "see that server and extension are of one release"
        raise ServerError(f"the server's answer about a job was not understood: {problem!r}", hint=hint) from problem


def _refusal(response: requests.Response) -> ServerError:
    """The server's own words where it gave any."""
    status = response.status_code
    try:
        error = response.json()["error"]
        message, hint, code = str(error["message"]), str(error["hint"]), str(error["code"])
    except (ValueError, KeyError, TypeError):
        hint = "check the server's address" if status < 500 else "see the server's log"
        message, code = f"the server answered {status} {response.reason}", ""
        if status == 401:  # an answer to HEAD has no words
            message, hint, code = "the token is missing or wrong", "", "wrong_token"
    if code == "wrong_token":
        hint = "copy it from the file that the server names when it starts"
    return ServerError(message, hint=hint, code=code, status=status)
