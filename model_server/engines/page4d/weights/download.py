"""From the Hugging Face hub to this disk: goes on where it broke off, and is held against the hub's own checksum."""

import os
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from model_server.engines.page4d.weights.disk_room import require_room
from model_server.engines.page4d.weights.known import KnownWeights
from model_server.engines.page4d.weights.layout import WrongWeights
from model_server.engines.page4d.weights.stored import Bytes, Step, no_step, sha256_of
from model_server.errors import BadInput

_HUB = "https://huggingface.co"
_SHA256 = re.compile("[0-9a-f]{64}")
_PARTIAL = 206  # the HTTP status of an answer that begins where it was asked to
_CHUNK = 1 << 20
_TRIES, _WAIT_S, _PATIENCE_S = 5, 1.0, 30.0  # tries in a row that bring nothing


class DownloadFailed(BadInput):
    """The hub can't be reached, or does not give the file."""

    status, code = 424, "download_failed"


@dataclass(frozen=True)
class Download:
    path: Path
    sha256: str


@dataclass(frozen=True)
class _Published:
    """What the hub says of a file."""

    address: str
    size: int  # bytes
    sha256: str


def is_offline() -> bool:
    """Whether the user has told the hub's library to stay off the network."""
    return os.environ.get("HF_HUB_OFFLINE", "").upper() in {"1", "ON", "YES", "TRUE"}


def offline_error(known: KnownWeights) -> DownloadFailed:
    """What to say where nothing may be downloaded: which file is missing, and how to bring it by hand."""
    return DownloadFailed(
        f"{known.name} is not installed and may not be downloaded offline: {known.file} is missing",
        hint=f"get it from {_HUB}/{known.address} on another machine, then {by_hand(known)}",
    )


def by_hand(known: KnownWeights) -> str:
    return f"run: page4d-server weights download {known.name} --file {known.file}"


def fetch(known: KnownWeights, folder: Path, step: Step = no_step) -> Download:
    """Download the published file into `folder`, or go on with it; a whole one is taken as it is.

    Raises:
        DownloadFailed: the hub can't be reached, or refuses; what has come so far stays.
        WrongWeights: what came is not what the hub says it is; it is deleted.
        DiskFull: it would not fit.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with _explained(known):
        published = _published(known)
    target = folder / known.file
    part = folder / f"{known.file}.{published.sha256[:16]}.part"
    for other in folder.glob(f"{known.file}.*.part"):
        if other != part:  # the hub has another version by now
            other.unlink()
    if target.exists() and target.stat().st_size == published.size:
        target.replace(part)  # kept from an earlier run; it has to prove itself again
    target.unlink(missing_ok=True)
    here = part.stat().st_size if part.exists() else 0
    # Converting writes the weights a second time before the first copy goes.
    require_room(folder, published.size - here + (published.size if known.is_pickle else 0))
    with _explained(known):
        _get(published, part, step(f"download {known.file}", published.size))
    found = sha256_of(part, step("checksum", published.size))
    if found != published.sha256:
        part.unlink()
        raise WrongWeights(
            f"{known.file} came with the sha256 {found[:16]}..., not the hub's {published.sha256[:16]}...",
            hint="it is deleted; try again",
        )
    part.replace(target)
    return Download(target, found)


def _published(known: KnownWeights) -> _Published:
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")  # read when the library is imported
    from huggingface_hub import get_hf_file_metadata, hf_hub_url  # not part of every install

    endpoint = os.environ.get("HF_ENDPOINT", _HUB).rstrip("/")

    def address(revision: str) -> str:
        return hf_hub_url(known.repository, known.file, repo_type=known.kind, revision=revision, endpoint=endpoint)

    said = get_hf_file_metadata(address("main"), endpoint=endpoint)
    if said.commit_hash is None or said.size is None or not _SHA256.fullmatch(said.etag or ""):
        raise DownloadFailed(f"{endpoint} gives no size and sha256 of {known.file}", hint="see HF_ENDPOINT")
    return _Published(address(said.commit_hash), said.size, str(said.etag))


def _get(published: _Published, part: Path, went_by: Bytes) -> None:
    """Bring `part` to its full size, over as many broken lines as it takes."""
    # hf_hub_download of this release throws away what it has when it fails, and http_get up to 10 MB of it.
    from httpx2 import TransportError  # the line broke; what the hub answers is another matter

    part.touch()
    went_by(part.stat().st_size)
    in_vain = 0
    while (here := part.stat().st_size) < published.size:
        try:
            _append(published, part, here, went_by)
        except TransportError:
            in_vain = 0 if part.stat().st_size > here else in_vain + 1
            if in_vain == _TRIES:
                raise
            time.sleep(_WAIT_S)


def _append(published: _Published, part: Path, here: int, went_by: Bytes) -> None:
    """Ask for the bytes from `here` on, and write those that come."""
    from huggingface_hub import get_session
    from huggingface_hub.utils import build_hf_headers, hf_raise_for_status  # type: ignore[attr-defined]

    headers = build_hf_headers() | {"Accept-Encoding": "identity"} | ({"Range": f"bytes={here}-"} if here else {})
    with get_session().stream("GET", published.address, headers=headers, timeout=_PATIENCE_S) as response:
        hf_raise_for_status(response)
        goes_on = response.status_code == _PARTIAL
        if not goes_on:
            went_by(-here)
        with part.open("ab" if goes_on else "wb") as file:
            for chunk in response.iter_bytes(_CHUNK):
                file.write(chunk)
                went_by(len(chunk))
                if file.tell() > published.size:  # the checksum will say so
                    return
            if file.tell() == here:
                raise DownloadFailed(f"{published.address} sends nothing", hint="try again later")


@contextmanager
def _explained(known: KnownWeights) -> Iterator[None]:
    """The hub's errors, in the words of ours."""
    from httpx2 import HTTPError  # what huggingface_hub talks HTTP with
    from huggingface_hub.errors import EntryNotFoundError, GatedRepoError, RepositoryNotFoundError

    page = f"{os.environ.get('HF_ENDPOINT', _HUB).rstrip('/')}/{known.address}"
    try:
        yield
    except GatedRepoError as error:
        raise DownloadFailed(
            f"{known.repository} is open only to those whom its owner has let in",
            hint=f"ask for access on {page}, then log in with `hf auth login` or set HF_TOKEN, and try again",
        ) from error
    except (RepositoryNotFoundError, EntryNotFoundError) as error:
        raise DownloadFailed(
            f"{page} has no file {known.file} for you", hint=f"if you have it, {by_hand(known)}"
        ) from error
    except (HTTPError, OSError) as error:
        reason = str(error).strip().split("\n")[0][:200] or type(error).__name__
        raise DownloadFailed(
            f"{known.file} did not come whole from {page}: {reason}",
            hint=f"try again, it goes on where it broke off; or bring the file by hand and {by_hand(known)}",
        ) from error
