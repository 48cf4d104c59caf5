"""What the panels of the sidebar tab share."""

import textwrap

import blf
import bpy


class Sidebar:
    """Mixed into panels."""

    bl_space_type = "VIEW_3D"
    bl_region_type = "UI"
    bl_category = "Page4D"


def draw_wrapped(
    layout: bpy.types.UILayout, context: bpy.types.Context, text: str, icon: str = "NONE", width: int = 0
) -> None:
    """Show a text in as many lines as the region's width needs, for labels do not wrap.

    Args:
        width: in pixels; 0 takes the region's.
    """
    size = context.preferences.ui_styles[0].widget.points * context.preferences.system.ui_scale
    blf.size(0, size)
    letter = blf.dimensions(0, "abcdefghijklmnopqrstuvwxyz 0123456789")[0] / 37
    margin = 60 * context.preferences.system.ui_scale
    lines = textwrap.wrap(text, max(16, int(((width or context.region.width) - margin) / letter)))
    column = layout.column(align=True)
    column.scale_y = 0.8
    for number, line in enumerate(lines):
        column.label(text=line, icon=icon if number == 0 else ("BLANK1" if icon != "NONE" else "NONE"))
