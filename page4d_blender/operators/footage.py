"""Take footage that Blender has open already."""

from pathlib import Path

import bpy


class PAGE4D_OT_use_active_clip(bpy.types.Operator):
    bl_idname = "page4d.use_active_clip"
    bl_label = "Use Active Clip"
    bl_description = "Take the scene's active movie clip as the footage"
    bl_options = {"REGISTER", "UNDO"}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        if _active_clip(context) is None:
            cls.poll_message_set("The scene has no active movie clip")
            return False
        return True

    def execute(self, context: bpy.types.Context) -> set[str]:
        clip = _active_clip(context)
        path = Path(bpy.path.abspath(clip.filepath))
        if not path.exists():
            self.report({"ERROR"}, f"The clip's file is not there: {path}")
            return {"CANCELLED"}
        context.scene.page4d.footage = str(path)
        return {"FINISHED"}


def _active_clip(context: bpy.types.Context) -> bpy.types.MovieClip | None:
    """That of a clip editor on the screen, else the scene's."""
    for area in context.screen.areas if context.screen else ():
        if area.type == "CLIP_EDITOR" and area.spaces.active.clip is not None:
            return area.spaces.active.clip
    return context.scene.active_clip


def register() -> None:
    bpy.utils.register_class(PAGE4D_OT_use_active_clip)


def unregister() -> None:
    bpy.utils.unregister_class(PAGE4D_OT_use_active_clip)
