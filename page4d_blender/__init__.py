"""The extension: footage goes to a model server, a scene comes back. Layers: ui -> operators -> scene -> core."""

_command: object = None


def register() -> None:
    """Called by Blender when the extension is enabled."""
    global _command
    import bpy

    from . import operators, ui
    from .commands import main

    operators.register()
    ui.register()
    _command = bpy.utils.register_cli_command("page4d", main)


def unregister() -> None:
    """Called by Blender when the extension is disabled, and when Blender quits."""
    global _command
    import bpy

    from . import operators, ui

    bpy.utils.unregister_cli_command(_command)
    _command = None
    ui.unregister()
    operators.unregister()
