"""Solve the footage: blocking for scripts, with a thread and a timer for the window."""

import time

import bpy

from ..core.client import connect
from ..core.errors import Page4DError
from ..core.job import Done, End, SolveJob
from ..core.status import Phase, Status, sentence, status_after
from .properties import footage_of, settings_of
from .session import SESSION, every, preferences, results_folder, server_address, stop_everything

_TICK_S, _BUDGET_S = 0.1, 0.005


class PAGE4D_OT_solve(bpy.types.Operator):
    bl_idname = "page4d.solve"
    bl_label = "Solve"
    bl_description = "Send the footage to the server; the scene appears when it is solved"
    bl_options = {"REGISTER"}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        if SESSION.is_working:
            cls.poll_message_set("A solve is running")
            return False
        if not context.scene.page4d.footage:
            cls.poll_message_set("Pick the footage first")
            return False
        return True

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Solve, import, and only then return."""
        job = self._begin(context)
        if job is None:
            return {"CANCELLED"}
        end = job.run(lambda message: setattr(SESSION, "status", status_after(SESSION.status, message)))
        if not isinstance(end, Done):
            self.report({"ERROR"}, f"{SESSION.status.line}. {SESSION.status.hint}".strip())
            return {"CANCELLED"}
        return bpy.ops.page4d.import_package(package=str(end.folder))

    def invoke(self, context: bpy.types.Context, _event: bpy.types.Event) -> set[str]:
        job = self._begin(context)
        if job is None:
            return {"CANCELLED"}
        job.start()
        every(_TICK_S, lambda: _pump(job))
        return {"FINISHED"}

    def _begin(self, context: bpy.types.Context) -> SolveJob | None:
        try:
            address, token = server_address(), preferences().token
            job = SolveJob(
                lambda: connect(address, token), footage_of(context.scene), settings_of(context.scene), results_folder()
            )
        except Page4DError as error:
            SESSION.failed(error)
            self.report({"ERROR"}, f"{sentence(error.message)}. {sentence(error.hint)}")
            return None
        SESSION.job, SESSION.scene_uid, SESSION.summary = job, context.scene.session_uid, ""
        SESSION.status = Status(Phase.WORKING, "Asking the server")
        return job


class PAGE4D_OT_cancel(bpy.types.Operator):
    bl_idname = "page4d.cancel"
    bl_label = "Cancel"
    bl_description = "Stop the solve, on the server too"
    bl_options = {"REGISTER"}

    @classmethod
    def poll(cls, _context: bpy.types.Context) -> bool:
        return SESSION.is_working

    def execute(self, _context: bpy.types.Context) -> set[str]:
        SESSION.job.cancel()
        SESSION.status = Status(Phase.WORKING, "Canceling")
        return {"FINISHED"}


def _pump(job: SolveJob) -> bool:
    """Show what the job has said since last time; False when it has said its last."""
    deadline = time.monotonic() + _BUDGET_S
    while time.monotonic() < deadline and (message := job.next_message()):
        if not job.is_canceling or isinstance(message, End):
            SESSION.status = status_after(SESSION.status, message)
        if isinstance(message, Done):
            _import_in_window(message)
    return not job.finished


def _import_in_window(end: Done) -> None:
    """Import as an operator of its own, so that one undo takes it back; timers run outside of any window."""
    manager = bpy.context.window_manager
    for window in manager.windows:
        if window.scene.session_uid == SESSION.scene_uid:
            with bpy.context.temp_override(window=window):
                if bpy.ops.page4d.import_package.poll():
                    bpy.ops.page4d.import_package("EXEC_DEFAULT", True, package=str(end.folder))
                    return
    # Another file or scene is open, or a mode in which nothing can be added: the artist imports when it suits.
    for window in manager.windows:
        window.scene.page4d.package = str(end.folder)


def register() -> None:
    bpy.utils.register_class(PAGE4D_OT_solve)
    bpy.utils.register_class(PAGE4D_OT_cancel)


def unregister() -> None:
    stop_everything()
    bpy.utils.unregister_class(PAGE4D_OT_cancel)
    bpy.utils.unregister_class(PAGE4D_OT_solve)
