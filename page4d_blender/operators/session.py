"""What goes on in this Blender session: one solve at a time, and what is known of the server. Not saved, not undone."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import bpy

from ..addon_id import ADDON_ID
from ..core.access import BadAddress, ServerAddress, parse_address
from ..core.errors import Page4DError
from ..core.job import SolveJob
from ..core.server_process import ServerProcess
from ..core.status import Phase, Status, sentence


class Offline(Page4DError):
    """Blender's user has not allowed it to go online."""


@dataclass
class Session:
    status: Status = field(default_factory=Status)
    summary: str = ""  # of the latest result
    assumptions: tuple[str, ...] = ()  # of the same
    job: SolveJob | None = None
    scene_uid: int = 0  # where the result goes
    server: ServerProcess | None = None  # the one started from here
    server_line: str = ""  # what the latest check said
    server_is_good: bool = False

    @property
    def is_working(self) -> bool:
        return self.status.phase is Phase.WORKING

    def failed(self, error: Page4DError) -> None:
        is_about_server = isinstance(error, (BadAddress, Offline))
        self.status = Status(
            Phase.FAILED, sentence(error.message), hint=sentence(error.hint), is_about_server=is_about_server
        )

    def say_server(self, line: str, is_good: bool) -> None:
        self.server_line, self.server_is_good = line, is_good


SESSION = Session()


def preferences() -> bpy.types.AddonPreferences:
    return bpy.context.preferences.addons[ADDON_ID].preferences


def server_address() -> ServerAddress:
    """The server's address, which Blender must be allowed to call.

    Raises:
        BadAddress: the preferences hold none.
        Offline: it is another machine, and Blender may not go online.
    """
    address = parse_address(preferences().address)
    if not address.is_this_machine and not bpy.app.online_access:
        hint = "allow online access in Preferences, System, Network"
        if bpy.app.online_access_override:
            hint = "Blender was started with --offline-mode; start it without"
        raise Offline(f"the server {address.host} is another machine, and Blender is offline", hint=hint)
    return address


def results_folder() -> Path:
    """Where results go: the artist's choice, else the extension's own folder for user data."""
    chosen = preferences().results_folder
    return Path(bpy.path.abspath(chosen) if chosen else bpy.utils.extension_path_user(ADDON_ID, path="results"))


def redraw() -> None:
    """Show what has changed, in every sidebar and in the preferences."""
    for window in bpy.context.window_manager.windows:
        for area in window.screen.areas:
            if area.type in {"VIEW_3D", "PREFERENCES"}:
                area.tag_redraw()


def every(seconds: float, step: Callable[[], bool]) -> None:
    """Call `step` on the main thread until it returns False. Not for background Blender: it runs no timers."""

    def tick() -> float | None:
        goes_on = step()
        redraw()
        if goes_on:
            return seconds
        _ticks.discard(tick)
        return None

    _ticks.add(tick)
    bpy.app.timers.register(tick, first_interval=seconds, persistent=True)


_ticks: set[Callable[[], float | None]] = set()


def stop_everything() -> None:
    """For unregister: a timer or child process left behind outlives the extension, and may crash Blender's exit."""
    for tick in _ticks:
        if bpy.app.timers.is_registered(tick):
            bpy.app.timers.unregister(tick)
    _ticks.clear()
    if SESSION.job is not None and not SESSION.job.finished:
        SESSION.job.cancel()
    if SESSION.server is not None:
        SESSION.server.stop()
    fresh = Session()
    vars(SESSION).update(vars(fresh))
