"""Runs in the window that `run.sh` opens: brings the panel into each of its states, checks it, and asks for pictures.

Lines that begin with SHOT, CLICK, KEY or DONE are read by `gui_blender.sh`, which holds the screen.
"""

import importlib
import os
import traceback
from collections.abc import Iterator

import bpy

ID = "bl_ext.user_default.page4d"
ADDRESS = f"http://127.0.0.1:{os.environ['PAGE4D_GUI_PORT']}"
SOLVE, CANCEL = (900, 159), (1008, 172)  # on the screen of 1280 x 800

bpy.context.preferences.view.show_splash = False
bpy.ops.preferences.addon_enable(module=ID)
session = importlib.import_module(f"{ID}.page4d_blender.operators.session")


def states() -> Iterator[float]:
    """Each `yield` gives Blender that many seconds to draw and to work."""
    settings = bpy.context.preferences.addons[ID].preferences
    area = next(area for area in window().screen.areas if area.type == "VIEW_3D")
    area.spaces.active.show_region_ui = True
    yield 2
    next(region for region in area.regions if region.type == "UI").active_panel_category = "Page4D"
    yield from shot("1_no_footage")

    scene().page4d.footage = "/out/frames"
    settings.address = "http://127.0.0.1:9"
    yield from click(*SOLVE)
    yield from until("FAILED")
    yield from shot("2_no_server")

    settings.address, settings.token = ADDRESS, "wrong"
    yield from click(*SOLVE)
    yield from until("FAILED")
    yield from shot("3_wrong_token")

    settings.token = os.environ["PAGE4D_GUI_TOKEN"]
    scene().page4d.footage = "/out/office_walk.mp4"  # long enough to be seen at work
    yield from click(*SOLVE)
    yield from until("WORKING", line="Tracking")
    yield from shot("4_running")
    yield from click(*CANCEL)
    yield from until("CANCELED")
    yield from shot("5_canceled")

    scene().page4d.footage = "/out/broken.mov"
    yield from click(*SOLVE)
    yield from until("FAILED")
    yield from shot("6_failed")

    scene().page4d.footage = "/out/frames"
    yield from click(*SOLVE)
    yield from until("DONE")
    assert made(), "the result was not imported"
    yield 10
    yield from shot("7_done")
    print("KEY ctrl+z", flush=True)
    yield 5
    assert not made(), "one undo did not take the import back"
    yield from shot("8_undone")
    print("KEY ctrl+shift+z", flush=True)
    yield 8
    assert made(), "redo did not bring it again"
    yield from shot("9_redone")

    with bpy.context.temp_override(window=window()):
        bpy.ops.preferences.addon_show(module=ID)
        bpy.ops.page4d.check_server("INVOKE_DEFAULT")
    yield 5
    yield from shot("10_preferences")
    print("ALL STATES SEEN", flush=True)


def window() -> bpy.types.Window:
    return bpy.context.window_manager.windows[0]


def scene() -> bpy.types.Scene:
    return window().scene


def status():
    return session.SESSION.status


def made() -> bool:
    return any(thing.get("page4d_role") == "camera" for thing in scene().objects)


def click(x: int, y: int) -> Iterator[float]:
    print("CLICK", x, y, flush=True)
    yield 2.5


def shot(name: str) -> Iterator[float]:
    session.redraw()
    yield 1
    print("SHOT", name, flush=True)
    yield 4


def until(phase: str, line: str = "", seconds: float = 240) -> Iterator[float]:
    for _ in range(int(seconds / 0.5)):
        if status().phase.name == phase and line in status().line:
            return
        yield 0.5
    raise AssertionError(f"the panel is {status()}, not {phase} {line}")


def tick() -> float | None:
    try:
        return next(STEPS)
    except StopIteration:
        pass
    except Exception:
        traceback.print_exc()
    print("DONE", flush=True)
    return None


STEPS = states()
bpy.app.timers.register(tick, first_interval=3, persistent=True)
