"""The list of the artist's own mattes: one more, one less."""

from pathlib import Path

import bpy


class PAGE4D_OT_add_matte(bpy.types.Operator):
    bl_idname = "page4d.add_matte"
    bl_label = "Add Matte"
    bl_description = "Pick a folder of black-and-white images of one thing; it becomes a layer"
    bl_options = {"REGISTER", "UNDO"}

    directory: bpy.props.StringProperty(subtype="DIR_PATH")
    filter_folder: bpy.props.BoolProperty(default=True, options={"HIDDEN"})

    def invoke(self, context: bpy.types.Context, _event: bpy.types.Event) -> set[str]:
        context.window_manager.fileselect_add(self)
        return {"RUNNING_MODAL"}

    def execute(self, context: bpy.types.Context) -> set[str]:
        folder = Path(bpy.path.abspath(self.directory))
        if not folder.is_dir():
            self.report({"ERROR"}, f"There is no folder {folder}")
            return {"CANCELLED"}
        mattes = context.scene.page4d.mattes
        taken = {matte.name.casefold() for matte in mattes}
        names = [
            folder.name or "Matte",
            *(f"{folder.name or 'Matte'} {number}" for number in range(2, len(mattes) + 3)),
        ]
        matte = mattes.add()
        matte.name = next(name for name in names if name.casefold() not in taken)
        matte.folder = str(folder)
        context.scene.page4d.use_mattes = True
        return {"FINISHED"}


class PAGE4D_OT_remove_matte(bpy.types.Operator):
    bl_idname = "page4d.remove_matte"
    bl_label = "Remove Matte"
    bl_description = "Take this matte off the list; its files stay"
    bl_options = {"REGISTER", "UNDO"}

    index: bpy.props.IntProperty(min=0)

    def execute(self, context: bpy.types.Context) -> set[str]:
        mattes = context.scene.page4d.mattes
        if self.index >= len(mattes):
            self.report({"ERROR"}, f"There is no matte {self.index + 1}")
            return {"CANCELLED"}
        mattes.remove(self.index)
        return {"FINISHED"}


def register() -> None:
    bpy.utils.register_class(PAGE4D_OT_add_matte)
    bpy.utils.register_class(PAGE4D_OT_remove_matte)


def unregister() -> None:
    bpy.utils.unregister_class(PAGE4D_OT_remove_matte)
    bpy.utils.unregister_class(PAGE4D_OT_add_matte)
