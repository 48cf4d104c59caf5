"""The result: `GET /v1/jobs/{id}/package/{path}`, with ranges and ETag."""

import re
from functools import lru_cache
from pathlib import Path

from fastapi import APIRouter, Request, Response
from fastapi.responses import FileResponse

from model_server.errors import ServerError
from model_server.jobs.service import JobService
from model_server.package.manifest import MANIFEST_NAME
from model_server.package.reader import read_package

_ONE_RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})")


class BadRange(ServerError):
    status, code = 416, "bad_range"


class NoSuchFile(ServerError):
    status, code = 404, "no_such_file"


def package_routes(service: JobService) -> APIRouter:
    router = APIRouter()

    @router.api_route("/v1/jobs/{job_id}/package/{path:path}", methods=["GET", "HEAD"])
    def get(job_id: str, path: str, request: Request) -> Response:
        """A file that the package's manifest lists, or the manifest: nothing else can be named."""
        folder = service.package(job_id)
        hashes = _hashes(folder, (folder / MANIFEST_NAME).stat().st_mtime_ns)
        if path not in hashes:
            raise NoSuchFile(f"the package has no {path!r:.200}", hint="its manifest lists its files")
        etag = f'"{hashes[path]}"'
        headers = {"ETag": etag, "Cache-Control": "private, no-cache"}
        if etag in (tag.strip() for tag in request.headers.get("if-none-match", "").split(",")):
            return Response(status_code=304, headers=headers)
        if "if-range" not in request.headers:
            _check_range(request.headers.get("range"), (folder / path).stat().st_size)
        return FileResponse(folder / path, headers=headers, media_type=_media_type(path))

    return router


def _check_range(header: str | None, size: int) -> None:
    """FileResponse would answer a bad range in words of its own, not in the API's error shape."""
    if header is None:
        return
    match = _ONE_RANGE.fullmatch(header)
    first, last = (match[1], match[2]) if match else ("", "")
    begins_inside = int(first) < size and (not last or int(first) <= int(last)) if first else bool(last.strip("0"))
    if not begins_inside:
        raise BadRange(f"Range {header!r:.80} is not a part of {size} bytes", hint="send 'bytes=<first>-<last>'")


@lru_cache(maxsize=16)
def _hashes(folder: Path, modified_ns: int) -> dict[str, str]:
    """By path; `read_package` has proven that every path stays inside the folder."""
    files = read_package(folder).manifest.files
    return {path: facts.sha256 for path, facts in files.items()} | {MANIFEST_NAME: str(modified_ns)}


def _media_type(path: str) -> str:
    return {"json": "application/json", "png": "image/png"}.get(path.rpartition(".")[2], "application/octet-stream")
