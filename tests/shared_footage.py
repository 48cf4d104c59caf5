"""Where the footage with truth lies; it is not part of the repository."""

import os
from pathlib import Path

import pytest

SHARED = Path(os.environ.get("PAGE4D_SHARED", Path(__file__).parents[2] / "shared"))


def shared(path: str) -> Path:
    """A file or folder of the shared footage, e.g. `shared("footage/room_7")`.

    Skips the test by name where the footage is absent; with CI set, absent is a failure.
    """
    found = SHARED / path
    if found.exists():
        return found
    message = f"{path} is not there; set PAGE4D_SHARED to the folder that holds it"
    if os.environ.get("CI"):
        pytest.fail(message)
    pytest.skip(message)
