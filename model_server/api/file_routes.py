"""Sending footage: `HEAD` and `PUT /v1/files/{sha256}`.

An upload that was cut off goes on: `HEAD` answers with `Upload-Offset`, the number of bytes that are here, and the
client sends the rest with `Content-Range: bytes <offset>-<last>/<total>`. Without that the body is the whole file.
"""

import re
from dataclasses import dataclass

from fastapi import APIRouter, Request, Response
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect

from model_server.errors import BadInput
from model_server.jobs.files import Arrival, FileStore

OFFSET_HEADER = "Upload-Offset"
_CONTENT_RANGE = re.compile(r"bytes (\d{1,18})-(\d{1,18})/(\d{1,18})")
_WRITE_AT_ONCE = 1 << 20


class BadRange(BadInput):
    code = "bad_range"


@dataclass(frozen=True)
class _Span:
    """Bytes [start, stop) of a file of `total`; None where the client does not say."""

    start: int
    stop: int | None
    total: int | None


def file_routes(files: FileStore) -> APIRouter:
    router = APIRouter()

    @router.head("/v1/files/{sha256}")
    def ask(sha256: str) -> Response:
        """200 when the file is here, 404 when it is not; both say how many bytes are."""
        status = 200 if files.has(sha256) else 404
        return Response(status_code=status, headers={OFFSET_HEADER: str(files.bytes_here(sha256))})

    @router.put("/v1/files/{sha256}")
    async def send(sha256: str, request: Request) -> Response:
        """201 when the file is whole, 202 when more is to come, 200 when it was here already."""
        if files.has(sha256):
            return Response(status_code=200, headers={OFFSET_HEADER: str(files.bytes_here(sha256))})
        span = _span(request)
        with files.arriving(sha256, span.start, span.total) as arrival:
            try:
                await _receive(request, arrival, span)
            except ClientDisconnect:  # what has arrived stays, for the client to go on from
                return Response(status_code=400)
        if span.total is not None and arrival.size < span.total:
            return Response(status_code=202, headers={OFFSET_HEADER: str(arrival.size)})
        await run_in_threadpool(files.finish, sha256)
        return Response(status_code=201, headers={OFFSET_HEADER: str(arrival.size)})

    return router


def _span(request: Request) -> _Span:
    length, text = request.headers.get("content-length"), request.headers.get("content-range")
    if length is not None and not length.isdecimal():
        raise BadRange(f"Content-Length {length!r:.40} is not a number")
    if text is None:
        return _Span(0, int(length) if length else None, int(length) if length else None)
    match = _CONTENT_RANGE.fullmatch(text)
    if match is None:
        raise BadRange(f"Content-Range {text!r:.80} is not understood", hint="send 'bytes <first>-<last>/<total>'")
    first, last, total = map(int, match.groups())
    if not first <= last < total or (length is not None and int(length) != last + 1 - first):
        raise BadRange(f"Content-Range {text!r:.80} does not fit its own total or the body of {length} bytes")
    return _Span(first, last + 1, total)


async def _receive(request: Request, arrival: Arrival, span: _Span) -> None:
    """Write the body as it comes, all that came before the client hung up too; more than was announced is an error."""
    waiting = bytearray()
    try:
        async for chunk in request.stream():
            waiting += chunk
            if span.stop is not None and arrival.size + len(waiting) > span.stop:
                raise BadRange(f"the body goes on after byte {span.stop}", hint="send as much as Content-Range says")
            if len(waiting) >= _WRITE_AT_ONCE:
                await run_in_threadpool(arrival.write, bytes(waiting))
                waiting.clear()
    finally:
        await run_in_threadpool(arrival.write, bytes(waiting))
