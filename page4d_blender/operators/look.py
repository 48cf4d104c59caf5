"""How the imported points look: one value for all clouds of a scene, read from and written to their nodes."""

from collections.abc import Callable
from typing import Any

import bpy

from .. import compat
from ..core.look import ColorBy, Look
from ..scene.cloud_inputs import cloud_modifiers


def _shared(name: Look) -> dict[str, Callable[..., Any]]:
    """Accessors of a property that is stored nowhere but in the clouds themselves."""

    def get(group: bpy.types.PropertyGroup) -> Any:
        modifiers = cloud_modifiers(group.id_data)
        return compat.get_input(modifiers[0], name) if modifiers else 0

    def put(group: bpy.types.PropertyGroup, value: Any) -> None:
        for modifier in cloud_modifiers(group.id_data):
            compat.set_input(modifier, name, ColorBy(value) if name is Look.COLOR_BY else value)

    return {"get": get, "set": put}


class PAGE4D_PG_look(bpy.types.PropertyGroup):
    minimum_confidence: bpy.props.FloatProperty(
        name="Min Confidence",
        description="Drop points that the solve trusts less than this",
        subtype="FACTOR",
        min=0.0,
        max=1.0,
        **_shared(Look.MINIMUM_CONFIDENCE),
    )
    edge_cut: bpy.props.IntProperty(
        name="Edge Cut",
        description="Drop points where depth jumps to the next pixel by more than this percent; 100 keeps all",
        subtype="PERCENTAGE",
        min=0,
        max=100,
        **_shared(Look.EDGE_CUT),
    )
    point_size: bpy.props.FloatProperty(
        name="Point Size",
        description="1 is as wide as the point's pixel in the picture",
        min=0.0,
        max=100.0,
        soft_max=5.0,
        **_shared(Look.POINT_SIZE),
    )
    color_by: bpy.props.EnumProperty(
        name="Color By",
        items=[(choice.name, choice.label, "", int(choice)) for choice in ColorBy],
        **_shared(Look.COLOR_BY),
    )
    decimate: bpy.props.IntProperty(
        name="Keep One in",
        description="Keep one point of so many",
        min=1,
        max=1000,
        soft_max=50,
        **_shared(Look.DECIMATE),
    )


def register() -> None:
    bpy.utils.register_class(PAGE4D_PG_look)
    bpy.types.Scene.page4d_look = bpy.props.PointerProperty(type=PAGE4D_PG_look)


def unregister() -> None:
    del bpy.types.Scene.page4d_look
    bpy.utils.unregister_class(PAGE4D_PG_look)
