"""Where the server is, where results go, and a server on this machine."""

import bpy

from ..addon_id import ADDON_ID
from ..core.access import DEFAULT_ADDRESS
from ..operators.session import SESSION
from .sidebar import draw_wrapped


def _forget_check(_preferences: bpy.types.AddonPreferences, _context: bpy.types.Context) -> None:
    """What was found out about another server says nothing about this one."""
    SESSION.say_server("", False)


class PAGE4D_AP_preferences(bpy.types.AddonPreferences):
    bl_idname = ADDON_ID

    address: bpy.props.StringProperty(
        name="Server", description="Address of the model server", default=DEFAULT_ADDRESS, update=_forget_check
    )
    token: bpy.props.StringProperty(
        name="Token",
        description="What the server wants from its callers; empty finds the one of a server on this machine",
        subtype="PASSWORD",
        update=_forget_check,
    )
    results_folder: bpy.props.StringProperty(
        name="Results", description="Where solved shots are kept; empty is Blender's folder for it", subtype="DIR_PATH"
    )
    server_executable: bpy.props.StringProperty(
        name="page4d-server",
        description="The server's program on this machine, in the bin (Scripts) folder of its environment",
        subtype="FILE_PATH",
    )
    look_through_camera: bpy.props.BoolProperty(
        name="Look Through the Camera After an Import",
        description="Show the plate behind the points, and the points in their colors",
        default=True,
    )

    def draw(self, context: bpy.types.Context) -> None:
        layout = self.layout
        layout.use_property_split = True
        layout.use_property_decorate = False
        column = layout.column()
        row = column.row(align=True)
        row.prop(self, "address")
        row.operator("page4d.check_server")
        column.prop(self, "token", placeholder="found by itself on this machine")
        if SESSION.server_line:
            draw_wrapped(column, context, SESSION.server_line, "CHECKMARK" if SESSION.server_is_good else "ERROR")
        column.separator()
        column.prop(self, "results_folder", placeholder="Blender's own folder")
        column.prop(self, "look_through_camera")
        column.separator()
        column.prop(self, "server_executable", placeholder="to start a server from here")
        row = column.row(align=True)
        row.operator("page4d.start_server", icon="PLAY")
        row.operator("page4d.stop_server", icon="SNAP_FACE")


def register() -> None:
    bpy.utils.register_class(PAGE4D_AP_preferences)


def unregister() -> None:
    bpy.utils.unregister_class(PAGE4D_AP_preferences)
