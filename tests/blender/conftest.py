"""Every test here runs inside Blender, from an empty file."""

import importlib.util
import os
import sys

import pytest

_STATUS = pytest.StashKey[int]()
HAS_BLENDER = importlib.util.find_spec("bpy") is not None
if not HAS_BLENDER and not os.environ.get("CI"):
    collect_ignore_glob = ["*"]


def pytest_report_header():
    return None if HAS_BLENDER else "tests/blender is left out: this Python has no bpy (with CI set, that fails)"


def pytest_sessionfinish(session, exitstatus):
    session.config.stash[_STATUS] = int(exitstatus)


@pytest.hookimpl(trylast=True)
def pytest_unconfigure(config):
    """Blender 4.2's wheel may crash while Python takes it down, after everything has passed and been reported."""
    if HAS_BLENDER and _STATUS in config.stash:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(config.stash[_STATUS])


@pytest.fixture
def scene():
    """The only scene of an empty file."""
    import bpy

    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
    return bpy.context.scene
