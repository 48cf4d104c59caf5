"""The names by which the scene's parts are found again: the custom properties `page4d_role` and `page4d_layer`."""

from enum import StrEnum

ROLE = "page4d_role"
LAYER = "page4d_layer"


class Role(StrEnum):
    """What a thing in the scene is for. The first six are the contract; the others are parts of those."""

    ROOT = "root"
    CAMERA = "camera"
    BACKGROUND = "background"
    FRAMES = "frames"
    LAYER = "layer"
    TRACKS = "tracks"

    COLLECTION = "collection"  # what the outliner shows
    FRAME_CLOUDS = "frame_clouds"  # the unlinked collection with a mesh for every frame
    FRAME_CLOUD = "frame_cloud"
    LAYER_CENTER = "layer_center"
    LAYER_CARD = "layer_card"
    MATTE = "matte"
    PLATE = "plate"
    MATERIAL = "material"
    CLOUD_TREE = "cloud_tree"
