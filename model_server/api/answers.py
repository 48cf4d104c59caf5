"""Errors in their one shape, `{"error": {code, message, hint}}`, whatever raised them."""

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import ValidationError
from starlette.exceptions import HTTPException

from model_server.errors import ServerError


def error_answer(status: int, code: str, message: str, hint: str = "") -> JSONResponse:
    return JSONResponse({"error": {"code": code, "message": message, "hint": hint}}, status)


def answer_every_error(app: FastAPI) -> None:
    """Give `app` handlers for our errors, for those of the framework, and for bugs."""

    @app.exception_handler(ServerError)
    async def ours(_: Request, error: ServerError) -> JSONResponse:
        return error_answer(error.status, error.code, error.message, error.hint)

    @app.exception_handler(HTTPException)
    async def of_the_framework(request: Request, error: HTTPException) -> JSONResponse:
        code = {404: "not_found", 405: "method_not_allowed"}.get(error.status_code, "http_error")
        message = f"{request.method} {request.url.path[:200]}: {error.detail}"
        return error_answer(error.status_code, code, message, "see HTTP API in the documentation")

    @app.exception_handler(RequestValidationError)
    async def of_parameters(_: Request, error: RequestValidationError) -> JSONResponse:
        return error_answer(422, "bad_request", first_complaint(error))

    @app.exception_handler(Exception)
    async def bugs(_request: Request, _error: Exception) -> JSONResponse:  # uvicorn logs the traceback
        return error_answer(500, "internal", "the server failed; this is a bug of Page4D", "see the server's log")


def first_complaint(error: RequestValidationError | ValidationError) -> str:
    """The first thing that is wrong, in one line, with where it stands."""
    complaints = error.errors()
    where = ".".join(str(part) for part in complaints[0]["loc"]) or "the body"
    more = f" (and {len(complaints) - 1} more)" if len(complaints) > 1 else ""
    return f"{where[:200]}: {complaints[0]['msg'][:300]}{more}"
