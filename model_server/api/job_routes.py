"""Jobs: `PUT`, `GET`, events, cancel, `DELETE` of `/v1/jobs/{id}`."""

import asyncio
import time
from collections.abc import AsyncIterator

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse, StreamingResponse
from pydantic import ValidationError
from starlette.concurrency import run_in_threadpool

from model_server.api.answers import first_complaint
from model_server.api.schema import JobAnswer, SolveRequest
from model_server.errors import BadInput, ServerError
from model_server.jobs.service import JobService

MAX_REQUEST_BYTES = 24 << 20  # 100,000 files with long names
_LOOK_EVERY_S = 0.1
_SAY_SOMETHING_EVERY_S = 10.0  # so that a silent line is seen as broken


class BadRequest(BadInput):
    status, code = 422, "bad_request"


class RequestTooLarge(ServerError):
    status, code = 413, "request_too_large"


def job_routes(service: JobService) -> APIRouter:
    router = APIRouter()

    @router.put("/v1/jobs/{job_id}")
    async def put(job_id: str, request: Request) -> JSONResponse:
        """201 for a new job, 200 when the same was sent before."""
        body = await _body(request)
        added = await run_in_threadpool(_submit, service, job_id, body)
        job = await run_in_threadpool(service.get, job_id)
        return JSONResponse(JobAnswer.of(job).model_dump(), 201 if added else 200)

    @router.get("/v1/jobs/{job_id}")
    def get(job_id: str) -> JobAnswer:
        return JobAnswer.of(service.get(job_id))

    @router.get("/v1/jobs/{job_id}/events")
    async def events(job_id: str) -> StreamingResponse:
        """The job whenever it has changed, as server-sent events; ends when the job has ended."""
        await run_in_threadpool(service.get, job_id)
        headers = {"Cache-Control": "no-store"}
        return StreamingResponse(_events(service, job_id), media_type="text/event-stream", headers=headers)

    @router.post("/v1/jobs/{job_id}/cancel")
    def cancel(job_id: str) -> JobAnswer:
        """Answers when the computation has ended."""
        return JobAnswer.of(service.cancel(job_id))

    @router.delete("/v1/jobs/{job_id}")
    def delete(job_id: str) -> Response:
        service.delete(job_id)
        return Response(status_code=204)

    return router


def _submit(service: JobService, job_id: str, body: bytes) -> bool:
    try:
        request = SolveRequest.model_validate_json(body)
    except ValidationError as error:
        raise BadRequest(first_complaint(error), hint="see SolveRequest in DESIGN.md") from error
    return service.submit(job_id, request.as_job())


async def _body(request: Request) -> bytes:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_REQUEST_BYTES:
            raise RequestTooLarge(f"the request is over {MAX_REQUEST_BYTES} bytes", hint="send fewer files")
    return bytes(body)


async def _events(service: JobService, job_id: str) -> AsyncIterator[str]:
    said, when = "", time.monotonic()
    while True:
        try:
            job = await run_in_threadpool(service.get, job_id)
        except ServerError:  # deleted meanwhile
            return
        text = JobAnswer.of(job).model_dump_json()
        if text != said:
            yield f"event: job\ndata: {text}\n\n"
            said, when = text, time.monotonic()
        elif time.monotonic() - when > _SAY_SOMETHING_EVERY_S:
            yield ": still here\n\n"
            when = time.monotonic()
        if job.state.is_final:
            return
        await asyncio.sleep(_LOOK_EVERY_S)
