"""Step 3: how the points look, and which are shown. No new solve is needed."""

import bpy

from ..scene.cloud_inputs import clouds_of
from .sidebar import Sidebar


class _Adjusts(Sidebar):
    bl_options = {"DEFAULT_CLOSED"}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return bool(clouds_of(context.scene))


class PAGE4D_PT_adjust(_Adjusts, bpy.types.Panel):
    bl_label = "Adjust"
    bl_order = 2

    def draw(self, context: bpy.types.Context) -> None:
        layout = self.layout
        layout.use_property_split = True
        layout.use_property_decorate = False
        column = layout.column()
        for name in ("minimum_confidence", "edge_cut", "point_size", "color_by", "decimate"):
            column.prop(context.scene.page4d_look, name)


class PAGE4D_PT_layers(_Adjusts, bpy.types.Panel):
    bl_label = "Layers"
    bl_parent_id = "PAGE4D_PT_adjust"

    def draw(self, context: bpy.types.Context) -> None:
        column = self.layout.column(align=True)
        for cloud in clouds_of(context.scene):
            row = column.row(align=True)
            row.label(text=cloud.name, icon="OUTLINER_DATA_POINTCLOUD")
            row.prop(cloud, "hide_viewport", text="", emboss=False)
            row.prop(cloud, "hide_render", text="", emboss=False)


_CLASSES = (PAGE4D_PT_adjust, PAGE4D_PT_layers)


def register() -> None:
    for cls in _CLASSES:
        bpy.utils.register_class(cls)


def unregister() -> None:
    for cls in reversed(_CLASSES):
        bpy.utils.unregister_class(cls)
