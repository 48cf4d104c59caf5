"""How a command ends: an exit code and at most one clear line, never a traceback."""

import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import platformdirs
import typer

from model_server.errors import ServerError

OUR_FAULT, BAD_INPUT, INTERRUPTED = 1, 2, 130


@contextmanager
def clear_exit() -> Iterator[None]:
    """One line and an exit code for whatever goes wrong; never a traceback."""
    try:
        yield
    except ServerError as error:
        _say(f"{error.message}. {error.hint[:1].upper()}{error.hint[1:]}" if error.hint else error.message)
        raise typer.Exit(BAD_INPUT if error.status < 500 else OUR_FAULT) from error
    except KeyboardInterrupt as error:
        _say("stopped; the same command goes on with what is done")
        raise typer.Exit(INTERRUPTED) from error
    except typer.Exit:
        raise
    except Exception as error:  # the edge of the process
        log = _write_log()
        _say(f"Page4D failed, and that is our fault: {type(error).__name__}: {error}. The log is {log}")
        raise typer.Exit(OUR_FAULT) from error


def _say(line: str) -> None:
    typer.echo(f"page4d-server: {' '.join(line.split())}", err=True)


def _write_log() -> Path:
    folder = platformdirs.user_log_path("page4d", appauthor=False, ensure_exists=True)
    log = folder / time.strftime("failed-%Y%m%d-%H%M%S.log")
    log.write_text(traceback.format_exc(), encoding="utf-8")
    return log
