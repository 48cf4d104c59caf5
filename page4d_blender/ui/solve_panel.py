"""Step 1: footage, and how the solve goes."""

import bpy

from ..addon_id import ADDON_ID
from ..core.status import Phase, sentence
from ..operators.properties import OTHER_BACK
from ..operators.session import SESSION
from .sidebar import Sidebar, draw_wrapped


class PAGE4D_PT_solve(Sidebar, bpy.types.Panel):
    bl_label = "Solve"
    bl_order = 0

    def draw(self, context: bpy.types.Context) -> None:
        layout = self.layout
        row = layout.row(align=True)
        row.enabled = not SESSION.is_working
        row.prop(context.scene.page4d, "footage", text="", placeholder="Movie or image sequence")
        row.operator("page4d.use_active_clip", text="", icon="TRACKER")
        if SESSION.is_working:
            _draw_progress(layout)
        else:
            column = layout.column()
            column.scale_y = 1.5
            column.operator("page4d.solve", icon="OUTLINER_OB_CAMERA")
        _draw_end(layout, context)


class _Part(Sidebar):
    """A closed part of step 1."""

    bl_parent_id = "PAGE4D_PT_solve"
    bl_options = {"DEFAULT_CLOSED"}
    switch = ""

    def draw_header(self, context: bpy.types.Context) -> None:
        if self.switch:
            self.layout.prop(context.scene.page4d, self.switch, text="")

    def column(self, context: bpy.types.Context) -> bpy.types.UILayout:
        layout = self.layout
        layout.use_property_split = True
        layout.use_property_decorate = False
        column = layout.column()
        on = getattr(context.scene.page4d, self.switch) if self.switch else True
        column.enabled = on and not SESSION.is_working
        return column


class PAGE4D_PT_frames(_Part, bpy.types.Panel):
    bl_label = "Frame Range"
    bl_order = 0
    switch = "use_frames"

    def draw(self, context: bpy.types.Context) -> None:
        column = self.column(context)
        for name in ("first", "last", "step"):
            column.prop(context.scene.page4d, name)


class PAGE4D_PT_lens(_Part, bpy.types.Panel):
    bl_label = "Known Lens"
    bl_order = 1
    switch = "use_lens"

    def draw(self, context: bpy.types.Context) -> None:
        column = self.column(context)
        for name in ("focal_mm", "film_back"):
            column.prop(context.scene.page4d, name)
        width = column.row()
        width.enabled = context.scene.page4d.film_back == OTHER_BACK
        width.prop(context.scene.page4d, "sensor_mm")


class PAGE4D_PT_mattes(_Part, bpy.types.Panel):
    bl_label = "Own Mattes"
    bl_order = 2
    switch = "use_mattes"

    def draw(self, context: bpy.types.Context) -> None:
        shot, column = context.scene.page4d, self.column(context)
        column.prop(shot, "exclude")
        for index, matte in enumerate(shot.mattes):
            row = column.row(align=True)
            row.use_property_split = False
            row.prop(matte, "name", text="")
            row.prop(matte, "folder", text="")
            row.operator("page4d.remove_matte", text="", icon="X").index = index
        column.operator("page4d.add_matte", icon="ADD")
        for name in ("invert_mattes", "dilate_mattes"):
            column.prop(shot, name)


class PAGE4D_PT_options(_Part, bpy.types.Panel):
    bl_label = "Options"
    bl_order = 3

    def draw(self, context: bpy.types.Context) -> None:
        column = self.column(context)
        for name in ("engine", "mode", "distortion", "smoothing", "shadows"):
            column.prop(context.scene.page4d, name)


class PAGE4D_PT_assumed(Sidebar, bpy.types.Panel):
    """What the solve took for granted, and what it warns of: open, for who trusts the number has to know."""

    bl_label = "Assumed"
    bl_parent_id = "PAGE4D_PT_solve"
    bl_order = 4

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return bool(SESSION.summary and SESSION.assumptions) and not SESSION.is_working

    def draw(self, context: bpy.types.Context) -> None:
        for assumption in SESSION.assumptions:
            draw_wrapped(self.layout, context, sentence(assumption), icon="DOT")


def _draw_progress(layout: bpy.types.UILayout) -> None:
    status = SESSION.status
    layout.label(text=status.line)
    row = layout.row(align=True)
    row.progress(factor=status.fraction, text=f"{100 * status.fraction:.0f} %")
    row.operator("page4d.cancel", text="", icon="X")


def _draw_end(layout: bpy.types.UILayout, context: bpy.types.Context) -> None:
    """Kept until the next solve, for reports at the window's foot are missed."""
    status = SESSION.status
    if status.phase is Phase.FAILED:
        box = layout.box()
        draw_wrapped(box, context, status.line, icon="ERROR")
        if status.hint:
            draw_wrapped(box, context, status.hint, icon="BLANK1")
        if not status.is_about_server:
            return
        row = box.row()
        if context.preferences.addons[ADDON_ID].preferences.server_executable:
            row.operator("page4d.start_server")
        row.operator("preferences.addon_show", text="Preferences").module = ADDON_ID
    elif status.phase is Phase.CANCELED:
        layout.label(text=status.line, icon="CANCEL")
    elif status.phase is Phase.DONE and not SESSION.summary:
        draw_wrapped(layout, context, "Solved. Import the result when you are ready", icon="CHECKMARK")
    if SESSION.summary and status.phase is not Phase.FAILED:
        draw_wrapped(layout, context, SESSION.summary, icon="CHECKMARK")


_CLASSES = (PAGE4D_PT_solve, PAGE4D_PT_frames, PAGE4D_PT_lens, PAGE4D_PT_mattes, PAGE4D_PT_options, PAGE4D_PT_assumed)


def register() -> None:
    for cls in _CLASSES:
        bpy.utils.register_class(cls)


def unregister() -> None:
    for cls in reversed(_CLASSES):
        bpy.utils.unregister_class(cls)
