"""Step 2: a result becomes a scene. After a solve that happens by itself."""

import bpy

from ..scene.cloud_inputs import clouds_of
from .sidebar import Sidebar


class PAGE4D_PT_scene(Sidebar, bpy.types.Panel):
    bl_label = "Scene"
    bl_order = 1

    def draw(self, context: bpy.types.Context) -> None:
        layout = self.layout
        layout.prop(context.scene.page4d, "package", text="", placeholder="Result, a .page4d folder")
        row = layout.row()
        row.enabled = bool(context.scene.page4d.package)
        is_update = bool(clouds_of(context.scene))
        row.operator("page4d.import_package", text="Update" if is_update else "Import", icon="IMPORT")


def register() -> None:
    bpy.utils.register_class(PAGE4D_PT_scene)


def unregister() -> None:
    bpy.utils.unregister_class(PAGE4D_PT_scene)
