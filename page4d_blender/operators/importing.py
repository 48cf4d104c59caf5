"""Bring a result package into the scene, as one undo step."""

from pathlib import Path

import bpy

from ..core.errors import Page4DError
from ..core.package import open_package
from ..core.status import sentence, solve_summary
from ..scene.importer import build_scene
from ..scene.start_file import hide_default_cube
from .properties import footage_of, package_of
from .session import SESSION, preferences


class PAGE4D_OT_import_package(bpy.types.Operator):
    bl_idname = "page4d.import_package"
    bl_label = "Import"
    bl_description = "Build the scene of the result, or update in place what an earlier import has built"
    bl_options = {"REGISTER", "UNDO"}

    package: bpy.props.StringProperty(
        name="Result", description="Empty takes the scene's", subtype="DIR_PATH", options={"SKIP_SAVE"}
    )
    footage: bpy.props.StringProperty(
        name="Footage", description="Empty takes the scene's", subtype="FILE_PATH", options={"SKIP_SAVE"}
    )

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        if context.mode != "OBJECT":
            cls.poll_message_set("Go to Object Mode first")
            return False
        return True

    def execute(self, context: bpy.types.Context) -> set[str]:
        package = Path(bpy.path.abspath(self.package)) if self.package else package_of(context.scene)
        footage = Path(bpy.path.abspath(self.footage)) if self.footage else footage_of(context.scene)
        if package is None:
            self.report({"ERROR"}, "There is no result to import: pick a .page4d folder")
            return {"CANCELLED"}
        try:
            self._import(context, package, footage)
        except Page4DError as error:
            SESSION.failed(error)
            self.report({"ERROR"}, f"{sentence(error.message)}. {sentence(error.hint)}")
            return {"CANCELLED"}
        return {"FINISHED"}

    def _import(self, context: bpy.types.Context, folder: Path, footage: Path | None) -> None:
        opened = open_package(folder)
        manager = context.window_manager
        manager.progress_begin(0, 100)
        try:
            report = build_scene(opened, context.scene, footage, lambda share: manager.progress_update(100 * share))
        finally:
            manager.progress_end()
        context.scene.page4d.package = str(folder)
        SESSION.summary, SESSION.assumptions = solve_summary(opened), opened.manifest.assumptions
        for warning in report.warnings:
            self.report({"WARNING"}, sentence(warning))
        self.report({"INFO"}, f"{SESSION.summary}; {report.points} points, moving layers: {report.layers}")
        if context.screen and hide_default_cube(context.scene):
            self.report({"INFO"}, "Blender's default cube is hidden: the camera starts inside it")
        if preferences().look_through_camera:
            _look_through_camera(context)


def _look_through_camera(context: bpy.types.Context) -> None:
    """Show the plate behind the points: the scene camera's view, in colors that the points keep."""
    for area in context.screen.areas if context.screen else ():
        if area.type == "VIEW_3D":
            space = area.spaces.active
            space.region_3d.view_perspective = "CAMERA"
            # Solid mode shows point clouds grey.
            if space.shading.type in {"SOLID", "WIREFRAME"}:
                space.shading.type = "MATERIAL"


def register() -> None:
    bpy.utils.register_class(PAGE4D_OT_import_package)


def unregister() -> None:
    bpy.utils.unregister_class(PAGE4D_OT_import_package)
