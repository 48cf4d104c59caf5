"""Every test here runs inside Blender, from an empty file."""

import importlib.util
import os

import pytest

HAS_BLENDER = importlib.util.find_spec("bpy") is not None
if not HAS_BLENDER and not os.environ.get("CI"):
    collect_ignore_glob = ["*"]


def pytest_report_header():
    return None if HAS_BLENDER else "tests/blender is left out: this Python has no bpy (with CI set, that fails)"


@pytest.fixture
def scene():
    """The only scene of an empty file."""
    import bpy

    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
    return bpy.context.scene
