"""What runs in the process that check.py starts: one piece of work from stdin, lines of JSON to stdout."""

import contextlib
import json
import os
import sys
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any, TextIO

from model_server.errors import BadFootage
from model_server.footage.check import MEMORY_LIMIT
from model_server.footage.describe import describe
from model_server.footage.matte_files import look_through
from model_server.footage.source import Source
from model_server.footage.write_images import write_images
from model_server.settings import FrameRange


def main() -> None:
    """Do the work; ends by itself when the process that asked for it is gone."""
    answers = _take_stdout()
    limit_memory()
    work = json.loads(sys.stdin.readline())
    answer: dict[str, Any]
    try:
        answer = {"result": do(work, lambda fraction: _say(answers, {"fraction": fraction}))}
    except BadFootage as error:
        answer = {"error": error.message, "hint": error.hint}
    except MemoryError:
        answer = {
            "error": f"'{Path(work['name']).name}' needs more than {MEMORY_LIMIT / 1e9:.1f} GB of memory to decode",
            "hint": "the file is broken, or its pictures are too large; scale the footage down",
        }
    _say(answers, answer)


def do(work: dict[str, Any], progress: Callable[[float], None]) -> dict[str, Any]:
    """One piece of work by the word in `work["do"]`: "describe", "write_images" or "look_through" mattes.

    Raises:
        BadFootage: the footage can't be used.
        MemoryError: it needs more than there is.
    """
    if work["do"] == "describe":
        fps = Fraction(*work["fps"]) if work["fps"] else None
        return describe(Path(work["path"]), FrameRange(*work["frames"]), fps).to_json()
    if work["do"] == "look_through":
        files = tuple(Path(file) for file in work["files"])
        return {"shows": look_through(files, tuple(work["size"]), work["invert"], progress)}
    write_images(Source.from_json(work["source"]), tuple(work["size"]), Path(work["out"]), progress)
    return {}


def limit_memory() -> None:
    """Let allocations beyond MEMORY_LIMIT fail. Windows has no such limit; macOS refuses some of its values."""
    with contextlib.suppress(ImportError, ValueError, OSError):
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_LIMIT, MEMORY_LIMIT))


def _take_stdout() -> TextIO:
    """Stdout for answers alone: what native libraries print goes to stderr."""
    answers = os.fdopen(os.dup(1), "w", encoding="ascii")
    os.dup2(2, 1)
    return answers


def _say(answers: TextIO, message: dict[str, Any]) -> None:
    try:
        print(json.dumps(message), file=answers, flush=True)
    except BrokenPipeError:
        os._exit(1)  # nobody waits for the work any more


if __name__ == "__main__":
    main()
