"""What the artist can change on a cloud without a new solve: the inputs of its geometry nodes, by name."""

from enum import IntEnum, StrEnum


class ColorBy(IntEnum):
    """Entries of the menu input, in its order."""

    RGB = 0
    DEPTH = 1
    CONFIDENCE = 2
    LAYER = 3

    @property
    def label(self) -> str:
        return "RGB" if self is ColorBy.RGB else self.name.capitalize()


class Look(StrEnum):
    """Names of the inputs that are shown."""

    MINIMUM_CONFIDENCE = "Minimum Confidence"
    EDGE_CUT = "Edge Cut"
    POINT_SIZE = "Point Size"
    COLOR_BY = "Color By"
    DECIMATE = "Decimate"
    SHOW_BACKGROUND = "Show Background"
    SHOW_LAYERS = "Show Layers"


class Wiring(StrEnum):
    """Names of the inputs that the import sets and hides."""

    FRAMES = "Frames"
    PER_FRAME = "Per Frame"
    LAYER = "Only Layer"
    LAYERS_APART = "Layers Apart"
    MATERIAL = "Material"
