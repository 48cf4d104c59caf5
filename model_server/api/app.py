"""The HTTP API as one ASGI application. It never imports torch, nor anything that does."""

import os
import platform

from fastapi import FastAPI

from model_server import __version__
from model_server.api.answers import answer_every_error
from model_server.api.file_routes import file_routes
from model_server.api.guard import Guard, allowed_hosts
from model_server.api.job_routes import job_routes
from model_server.api.package_routes import package_routes
from model_server.api.schema import EngineFacts, Health, Versions
from model_server.engines.choose import engine_states
from model_server.jobs.service import JobService
from model_server.package.manifest import MAJOR, MINOR

API_VERSION = 1


def create_app(service: JobService, token: str, listen_on: str) -> FastAPI:
    """The application for a server that listens on the address `listen_on`."""
    # No schema or documentation pages: they would be open to whoever has no token.
    app = FastAPI(title="Page4D", version=__version__, openapi_url=None, docs_url=None, redoc_url=None)
    hosts, any_address = allowed_hosts(listen_on)
    app.add_middleware(Guard, token=token, hosts=hosts, any_address=any_address)
    answer_every_error(app)
    app.include_router(file_routes(service.files))
    app.include_router(job_routes(service))
    app.include_router(package_routes(service))

    @app.get("/v1/health")
    def health() -> Health:
        return Health(
            state="busy" if service.is_busy else "idle",
            device=f"CPU, {os.cpu_count()} cores, {platform.machine()}",
            engines=[EngineFacts(**vars(engine)) for engine in engine_states()],
            versions=Versions(server=__version__, api=API_VERSION, package=f"{MAJOR}.{MINOR}"),
        )

    return app
