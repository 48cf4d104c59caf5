"""What Blender's own start file puts in the way."""

import bpy
import numpy as np

CUBE_NAME, CUBE_SIDE = "Cube", 2.0


def hide_default_cube(scene: bpy.types.Scene) -> bool:
    """Hide the start file's cube where nobody has touched it: the solved camera would begin inside it.

    Returns:
        Whether there was one to hide.
    """
    cube = scene.objects.get(CUBE_NAME)
    if cube is None or cube.type != "MESH" or cube.hide_viewport or not _is_untouched(cube):
        return False
    cube.hide_viewport = cube.hide_render = True
    return True


def _is_untouched(cube: bpy.types.Object) -> bool:
    corners = np.empty(3 * len(cube.data.vertices), np.float32)
    cube.data.vertices.foreach_get("co", corners)
    return (
        len(corners) == 24
        and bool(np.all(np.abs(corners) == CUBE_SIDE / 2))
        and np.array_equal(np.array(cube.matrix_world), np.eye(4))
        and not (cube.modifiers or cube.constraints or cube.children or cube.parent or cube.animation_data)
    )
