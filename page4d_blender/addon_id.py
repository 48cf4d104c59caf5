"""The name under which Blender knows the extension."""

# Blender loads the repository root as `bl_ext.<repository>.page4d`; this folder is a package in it.
ADDON_ID = __package__.rpartition(".")[0]
