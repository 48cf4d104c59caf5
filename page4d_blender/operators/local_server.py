"""Is the server there? Start one on this machine, and end it."""

import threading
from pathlib import Path

import bpy

from ..addon_id import ADDON_ID
from ..core.access import ServerAddress
from ..core.client import connect
from ..core.errors import Page4DError
from ..core.server_process import ServerProcess
from ..core.status import sentence
from .session import SESSION, every, preferences, server_address


class PAGE4D_OT_check_server(bpy.types.Operator):
    bl_idname = "page4d.check_server"
    bl_label = "Check"
    bl_description = "Ask the server who it is and whether it takes the token"
    bl_options = {"REGISTER"}

    def execute(self, _context: bpy.types.Context) -> set[str]:
        try:
            SESSION.say_server(_greeting(server_address(), preferences().token), True)
        except Page4DError as error:
            return _refused(self, error)
        self.report({"INFO"}, SESSION.server_line)
        return {"FINISHED"}

    def invoke(self, _context: bpy.types.Context, _event: bpy.types.Event) -> set[str]:
        """A server that does not answer may take seconds to say so: ask in a thread."""
        try:
            address, token = server_address(), preferences().token
        except Page4DError as error:
            return _refused(self, error)
        answers: list[tuple[str, bool]] = []

        def ask() -> None:
            try:
                answers.append((_greeting(address, token), True))
            except Page4DError as error:
                answers.append((_words(error), False))

        def step() -> bool:
            if answers:
                SESSION.say_server(*answers[0])
            return not answers

        SESSION.say_server("Asking", True)
        threading.Thread(target=ask, name="page4d-check", daemon=True).start()
        every(0.1, step)
        return {"FINISHED"}


class PAGE4D_OT_start_server(bpy.types.Operator):
    bl_idname = "page4d.start_server"
    bl_label = "Start Server"
    bl_description = "Start page4d-server on this machine; it ends with Blender"
    bl_options = {"REGISTER"}

    @classmethod
    def poll(cls, _context: bpy.types.Context) -> bool:
        if SESSION.server is not None and SESSION.server.is_running:
            cls.poll_message_set("It runs")
            return False
        if not preferences().server_executable:
            cls.poll_message_set("Set the path to page4d-server in the preferences first")
            return False
        return True

    def execute(self, _context: bpy.types.Context) -> set[str]:
        try:
            SESSION.server = _start()
            SESSION.server.wait_until_ready()
            SESSION.say_server(_greeting(server_address(), preferences().token), True)
        except Page4DError as error:
            return _refused(self, error)
        return {"FINISHED"}

    def invoke(self, _context: bpy.types.Context, _event: bpy.types.Event) -> set[str]:
        try:
            server = SESSION.server = _start()
        except Page4DError as error:
            return _refused(self, error)

        def step() -> bool:
            try:
                if server is not SESSION.server:
                    return False
                if not server.is_ready():
                    return True
                SESSION.say_server(_greeting(server_address(), preferences().token), True)
            except Page4DError as error:
                SESSION.say_server(_words(error), False)
            return False

        SESSION.say_server("The server is starting", True)
        every(0.3, step)
        return {"FINISHED"}


class PAGE4D_OT_stop_server(bpy.types.Operator):
    bl_idname = "page4d.stop_server"
    bl_label = "Stop Server"
    bl_description = "End the server that was started from here; a solve that runs goes on when it is started again"
    bl_options = {"REGISTER"}

    @classmethod
    def poll(cls, _context: bpy.types.Context) -> bool:
        if SESSION.server is None or not SESSION.server.is_running:
            cls.poll_message_set("No server was started from here")
            return False
        return True

    def execute(self, _context: bpy.types.Context) -> set[str]:
        SESSION.server.stop()
        SESSION.server = None
        SESSION.say_server("Stopped", True)
        return {"FINISHED"}


def _start() -> ServerProcess:
    folder = Path(bpy.utils.extension_path_user(ADDON_ID, create=True))
    executable = Path(bpy.path.abspath(preferences().server_executable))
    return ServerProcess(executable, server_address(), folder / "server.log")


def _greeting(address: ServerAddress, given_token: str) -> str:
    """Who answers; raises Page4DError where nobody does, or where the token is refused."""
    health = connect(address, given_token).health()
    busy = ", busy" if health.is_busy else ""
    return f"page4d-server {health.server}, engine {', '.join(health.engines)}, on {health.device}{busy}"


def _refused(operator: bpy.types.Operator, error: Page4DError) -> set[str]:
    SESSION.say_server(_words(error), False)
    operator.report({"ERROR"}, _words(error))
    return {"CANCELLED"}


def _words(error: Page4DError) -> str:
    return f"{sentence(error.message)}. {sentence(error.hint)}" if error.hint else sentence(error.message)


_CLASSES = (PAGE4D_OT_check_server, PAGE4D_OT_start_server, PAGE4D_OT_stop_server)


def register() -> None:
    for cls in _CLASSES:
        bpy.utils.register_class(cls)


def unregister() -> None:
    for cls in reversed(_CLASSES):
        bpy.utils.unregister_class(cls)
