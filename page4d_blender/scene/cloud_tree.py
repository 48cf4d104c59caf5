"""The geometry nodes of every cloud: pick the frame, drop points, make them round, color them.

One mesh per frame lies in a collection that is not linked to any scene; the node "Scene Time" picks one. The object's
own mesh is the table of frames: a vertex for each, with the attribute `frame`. It plays without the extension.
"""

from typing import Any

import bpy

from .. import compat
from ..core.look import ColorBy, Look, Wiring
from ..core.roles import ROLE, Role

TREE_VERSION = 1
ALL_LAYERS = -1


def cloud_tree() -> bpy.types.NodeTree:
    """The tree of this version, from this file or new."""
    for tree in bpy.data.node_groups:
        if tree.get(ROLE) == Role.CLOUD_TREE and tree.get("page4d_version") == TREE_VERSION:
            return tree
    tree = bpy.data.node_groups.new("Page4D Cloud", "GeometryNodeTree")
    tree[ROLE], tree["page4d_version"] = Role.CLOUD_TREE.value, TREE_VERSION
    tree.is_modifier = True
    _declare_inputs(tree)
    nodes = _Nodes(tree)
    points = nodes.add("GeometryNodeMeshToPoints", Mesh=_picked(nodes), Selection=_kept(nodes), Radius=_radius(nodes))
    colored, menu = _colored(nodes, points["Points"])
    shaded = nodes.add("GeometryNodeSetMaterial", Geometry=colored, Material=nodes.inputs[Wiring.MATERIAL])
    nodes.link(shaded["Geometry"], tree.nodes.new("NodeGroupOutput").inputs[0])
    nodes.link(nodes.inputs[Look.COLOR_BY], menu)
    for number, node in enumerate(tree.nodes):
        node.location = (number % 8) * 220, -(number // 8) * 260
    return tree


def _declare_inputs(tree: bpy.types.NodeTree) -> None:
    new = tree.interface.new_socket
    new("Geometry", in_out="OUTPUT", socket_type="NodeSocketGeometry")
    new("Geometry", in_out="INPUT", socket_type="NodeSocketGeometry")

    def declare(name: str, kind: str, default: Any, text: str, low: Any = None, high: Any = None, **more: Any) -> None:
        socket = new(name, in_out="INPUT", socket_type=kind, description=text)
        if low is not None:
            socket.min_value = low
        if high is not None:
            socket.max_value = high
        if default is not None:
            socket.default_value = default
        for key, value in more.items():
            setattr(socket, key, value)

    declare(
        Look.MINIMUM_CONFIDENCE,
        "NodeSocketFloat",
        0.0,
        "Drop points that the solve trusts less than this",
        0.0,
        1.0,
        subtype="FACTOR",
    )
    declare(
        Look.EDGE_CUT,
        "NodeSocketInt",
        100,
        "Drop points where depth jumps to the next pixel by more than this percent; 100 keeps all",
        0,
        100,
    )
    declare(Look.POINT_SIZE, "NodeSocketFloat", 1.0, "1 just covers the point's pixel in the picture", 0.0, 100.0)
    declare(Look.COLOR_BY, "NodeSocketMenu", None, "What the points' color shows")
    declare(Look.DECIMATE, "NodeSocketInt", 1, "Keep one point of so many", 1, 1000)
    declare(Look.SHOW_BACKGROUND, "NodeSocketBool", True, "Show the points that stand still")
    declare(
        Look.SHOW_LAYERS,
        "NodeSocketBool",
        True,
        "Show the points of moving things",
    )
    hidden = {"hide_in_modifier": True}
    declare(Wiring.FRAMES, "NodeSocketCollection", None, "One mesh for each frame", **hidden)
    declare(Wiring.PER_FRAME, "NodeSocketBool", False, "Pick a frame; else show the object's own points", **hidden)
    declare(Wiring.LAYER, "NodeSocketInt", ALL_LAYERS, "Number of the only moving thing to show; -1 is all", **hidden)
    declare(Wiring.LAYERS_APART, "NodeSocketBool", False, "Moving things have clouds of their own", **hidden)
    declare(Wiring.MATERIAL, "NodeSocketMaterial", None, "Material of the points", **hidden)


def _picked(nodes: "_Nodes") -> Any:
    """The mesh of the last frame that is not later than now: frames that the footage lacks hold the one before."""
    now = nodes.add("GeometryNodeInputSceneTime")["Frame"]
    started = nodes.compare("FLOAT", "LESS_EQUAL", nodes.attribute("INT", "frame"), now)
    table = nodes.add(
        "GeometryNodeAttributeStatistic", Geometry=nodes.inputs["Geometry"], Attribute=started, data_type="FLOAT"
    )
    last = nodes.math("MAXIMUM", nodes.math("SUBTRACT", table["Sum"], 1.0), 0.0)
    chosen = nodes.compare(
        "INT",
        "EQUAL",
        nodes.add("GeometryNodeInputIndex")["Index"],
        nodes.add("FunctionNodeFloatToInt", last)["Integer"],
    )
    every = nodes.add("GeometryNodeCollectionInfo", nodes.inputs[Wiring.FRAMES], True, False)
    one = nodes.add("GeometryNodeSeparateGeometry", every["Instances"], chosen, domain="INSTANCE")
    mesh = nodes.add("GeometryNodeRealizeInstances", one["Selection"])
    return nodes.switch("GEOMETRY", nodes.inputs[Wiring.PER_FRAME], nodes.inputs["Geometry"], mesh["Geometry"])


def _kept(nodes: "_Nodes") -> Any:
    """The selection; an attribute that the cloud does not have drops nothing.

    Each test stands behind a switch: one that can't drop anything is not computed, and with none the nodes pass the
    frame's arrays on without a copy (1 ms instead of 9 for 150,000 points in Blender 4.5).
    """
    least, cut, every = (nodes.inputs[name] for name in (Look.MINIMUM_CONFIDENCE, Look.EDGE_CUT, Look.DECIMATE))
    background, layers, only = (nodes.inputs[name] for name in (Look.SHOW_BACKGROUND, Look.SHOW_LAYERS, Wiring.LAYER))
    confidence = nodes.add("GeometryNodeInputNamedAttribute", "conf", data_type="FLOAT")
    trusted = nodes.compare("FLOAT", "GREATER_EQUAL", confidence["Attribute"], least)
    trusted = nodes.logic("OR", trusted, nodes.logic("NOT", confidence["Exists"]))
    smooth = nodes.compare("INT", "LESS_EQUAL", nodes.attribute("INT", "edge"), cut)
    turn = nodes.compare(
        "FLOAT", "LESS_THAN", nodes.math("MODULO", nodes.add("GeometryNodeInputIndex")["Index"], every), 0.5
    )
    single = nodes.compare("INT", "GREATER_EQUAL", only, 0)
    lowest = nodes.switch("INT", single, nodes.switch("INT", background, 1, 0), only)
    last = nodes.switch("INT", single, nodes.switch("INT", nodes.inputs[Wiring.LAYERS_APART], 255, 0), only)
    highest = nodes.switch("INT", layers, 0, last)
    layer = nodes.attribute("INT", "layer")
    wanted = nodes.logic(
        "AND", nodes.compare("INT", "GREATER_EQUAL", layer, lowest), nodes.compare("INT", "LESS_EQUAL", layer, highest)
    )
    tests = (
        (nodes.compare("FLOAT", "GREATER_THAN", least, 0.0), trusted),
        (nodes.compare("INT", "LESS_THAN", cut, 100), smooth),
        (nodes.compare("INT", "GREATER_THAN", every, 1), turn),
        (nodes.compare("INT", "LESS_THAN", nodes.math("SUBTRACT", highest, lowest), 255), wanted),
    )
    passed = [nodes.switch("BOOLEAN", active, True, test) for active, test in tests]
    return nodes.logic("AND", nodes.logic("AND", passed[0], passed[1]), nodes.logic("AND", passed[2], passed[3]))


def _radius(nodes: "_Nodes") -> Any:
    return nodes.math(
        "MULTIPLY", nodes.attribute("FLOAT", "size"), nodes.math("MULTIPLY", nodes.inputs[Look.POINT_SIZE], 0.5**0.5)
    )


def _colored(nodes: "_Nodes", points: Any) -> tuple[Any, Any]:
    """Points with `Col` as the menu says, and the menu's socket. Only what is chosen is computed."""
    size = nodes.attribute("FLOAT", "size")
    middle = nodes.add("GeometryNodeAttributeStatistic", Geometry=points, Attribute=size, data_type="FLOAT")["Median"]
    # Near is red, the median depth green, far blue; a point's size is its depth times a number that cancels.
    far = nodes.math("DIVIDE", size, nodes.math("ADD", size, middle))
    layer = nodes.attribute("INT", "layer")
    golden = nodes.math("FRACT", nodes.math("MULTIPLY", layer, 0.618034))
    moving = nodes.math("MINIMUM", layer, 1.0)
    colors = {
        ColorBy.DEPTH: nodes.hue(nodes.math("MULTIPLY", far, 0.667), 0.9, 0.9),
        ColorBy.CONFIDENCE: nodes.hue(nodes.math("MULTIPLY", nodes.attribute("FLOAT", "conf"), 0.333), 0.9, 0.9),
        ColorBy.LAYER: nodes.hue(golden, moving, nodes.math("ADD", nodes.math("MULTIPLY", moving, 0.6), 0.3)),
    }
    menu = compat.menu_switch(nodes.tree, [choice.label for choice in ColorBy])
    nodes.link(points, menu.inputs[ColorBy.RGB.label])
    for choice, color in colors.items():
        stored = nodes.add("GeometryNodeStoreNamedAttribute", data_type="FLOAT_COLOR", domain="POINT",
                           Geometry=points, Name="Col", Value=color)  # fmt: skip
        nodes.link(stored["Geometry"], menu.inputs[choice.label])
    return menu.outputs[0], menu.inputs[0]


class _Nodes:
    """Adds nodes to a tree: sockets given by position or by name, everything else set on the node."""

    def __init__(self, tree: bpy.types.NodeTree) -> None:
        self.tree = tree
        self.inputs = tree.nodes.new("NodeGroupInput").outputs

    def add(self, kind: str, *values: Any, **more: Any) -> Any:
        """The outputs of a new node."""
        node = self.tree.nodes.new(kind)
        for key in [key for key in more if not key[0].isupper()]:
            setattr(node, key, more.pop(key))
        usable = [socket for socket in node.inputs if socket.enabled]
        for socket, value in [*zip(usable, values), *((_named(usable, name), value) for name, value in more.items())]:
            self.link(value, socket)
        return {socket.name: socket for socket in node.outputs if socket.enabled}

    def link(self, value: Any, socket: Any) -> None:
        if isinstance(value, bpy.types.NodeSocket):
            self.tree.links.new(value, socket)
        else:
            socket.default_value = value

    def attribute(self, data_type: str, name: str) -> Any:
        return self.add("GeometryNodeInputNamedAttribute", name, data_type=data_type)["Attribute"]

    def compare(self, data_type: str, operation: str, a: Any, b: Any) -> Any:
        return self.add("FunctionNodeCompare", a, b, data_type=data_type, operation=operation)["Result"]

    def math(self, operation: str, *values: Any) -> Any:
        return self.add("ShaderNodeMath", *values, operation=operation)["Value"]

    def logic(self, operation: str, *values: Any) -> Any:
        return self.add("FunctionNodeBooleanMath", *values, operation=operation)["Boolean"]

    def switch(self, input_type: str, condition: Any, false: Any, true: Any) -> Any:
        return self.add("GeometryNodeSwitch", condition, false, true, input_type=input_type)["Output"]

    def hue(self, hue: Any, saturation: Any, value: Any) -> Any:
        return self.add("FunctionNodeCombineColor", hue, saturation, value, mode="HSV")["Color"]


def _named(sockets: list[Any], name: str) -> Any:
    return next(socket for socket in sockets if socket.name == name)
