"""The zip that artists install: what is in it, and what it leaves behind."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import bpy
import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """Built by this Blender's own builder."""
    builder = Path(bpy.utils.resource_path("LOCAL")) / "scripts/addons_core/bl_pkg/cli/blender_ext.py"
    folder = tmp_path_factory.mktemp("zip")
    for arguments in (["validate", ROOT], ["build", "--source-dir", ROOT, "--output-dir", folder]):
        done = subprocess.run([sys.executable, builder, *arguments], capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
    return next(folder.glob("*.zip"))


def test_the_zip_holds_the_extension_and_nothing_else(built):
    names = {name for name in zipfile.ZipFile(built).namelist() if not name.endswith("/")}
    top = {name for name in names if "/" not in name}
    assert top == {"blender_manifest.toml", "__init__.py", "LICENSE"}
    sources = {p.relative_to(ROOT).as_posix() for p in (ROOT / "page4d_blender").rglob("*.py")}
    assert names - top == sources


def test_installed_and_enabled_it_registers_and_disabled_it_is_gone(built, tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", _INSTALL, built],
        env=os.environ | {"BLENDER_USER_RESOURCES": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.strip().endswith("installed, enabled, gone")


_INSTALL = """
import sys
import bpy

ID = "bl_ext.user_default.page4d"
known = lambda: ({n for n in dir(bpy.types) if n.startswith("PAGE4D")}
                 | {n for t in (bpy.types.Scene, bpy.types.WindowManager) for n in dir(t) if "page4d" in n}
                 | {n for n in dir(bpy.ops.page4d)})
assert not known()
result = bpy.ops.extensions.package_install_files(filepath=sys.argv[1], repo="user_default", enable_on_install=True)
assert result == {"FINISHED"}, result
assert {"PAGE4D_PT_solve", "page4d", "import_package"} <= known()
assert bpy.context.preferences.addons[ID].preferences.address == "http://127.0.0.1:8712"
bpy.ops.preferences.addon_disable(module=ID)
assert not known(), known()
bpy.ops.preferences.addon_enable(module=ID)
assert "PAGE4D_PT_solve" in known()
bpy.ops.preferences.addon_disable(module=ID)
assert not known(), known()
print("installed, enabled, gone")
"""
