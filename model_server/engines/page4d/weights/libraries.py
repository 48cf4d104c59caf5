"""What only the network needs, and an install for the classical engine alone lacks."""

from importlib.util import find_spec

from model_server.errors import BadInput

_LIBRARIES = ("torch", "safetensors", "huggingface_hub")


class LibrariesMissing(BadInput):
    """The network's libraries are not in this Python."""

    status, code = 409, "libraries_missing"


def libraries_missing() -> tuple[str, ...]:
    """The network's libraries that are not installed; nothing is imported."""
    return tuple(name for name in _LIBRARIES if find_spec(name) is None)


def require_libraries() -> None:
    """See that the network could run here.

    Raises:
        LibrariesMissing: a library is not installed.
    """
    missing = libraries_missing()
    if missing:
        raise LibrariesMissing(
            f"the network needs {', '.join(missing)}, not installed in this Python",
            hint='run in the folder of Page4D: python -m pip install ".[server,network]"',  # not a stranger's from PyPI
        )
