"""What Blender loads beside blender_manifest.toml; the extension itself is `page4d_blender`.

Imports wait until Blender calls, so that tools which only look at the repository root need no Blender.
"""


def register() -> None:
    from . import page4d_blender

    page4d_blender.register()


def unregister() -> None:
    from . import page4d_blender

    page4d_blender.unregister()
