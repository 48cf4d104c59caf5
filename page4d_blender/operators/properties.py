"""What a scene remembers of its shot: the footage and how it is to be solved."""

from pathlib import Path

import bpy

from ..core.film_backs import FILM_BACKS, film_back
from ..core.settings import Distortion, Engine, Frames, Lens, Mattes, Mode, SolveSettings

OTHER_BACK = "other"


def _take_width(shot: "PAGE4D_PG_shot", _context: bpy.types.Context) -> None:
    if shot.film_back != OTHER_BACK:
        shot.sensor_mm = film_back(shot.film_back).width_mm


class PAGE4D_PG_matte(bpy.types.PropertyGroup):
    """The artist's mattes of one thing; `name` is the layer's."""

    folder: bpy.props.StringProperty(
        name="Folder",
        description="Black-and-white images of this thing, numbered as the footage is",
        subtype="DIR_PATH",
    )


class PAGE4D_PG_shot(bpy.types.PropertyGroup):
    footage: bpy.props.StringProperty(
        name="Footage",
        description="A movie, a folder that holds an image sequence, or any image of a numbered sequence",
        subtype="FILE_PATH",
    )
    package: bpy.props.StringProperty(
        name="Result",
        description="Folder of a solved shot, ending in .page4d; set by itself after a solve",
        subtype="FILE_PATH",
    )
    use_frames: bpy.props.BoolProperty(name="Frames", description="Solve a part of the footage only")
    first: bpy.props.IntProperty(name="First", description="The footage's own number; a movie starts at 1", default=1)
    last: bpy.props.IntProperty(name="Last", description="The last frame to solve, included", default=100)
    step: bpy.props.IntProperty(name="Step", description="Solve every Nth frame", default=1, min=1, max=10_000)
    use_lens: bpy.props.BoolProperty(name="Known Lens", description="Hold the focal length instead of finding it")
    focal_mm: bpy.props.FloatProperty(
        name="Focal Length", description="In millimeters", default=35.0, min=1.0, max=2000.0, precision=2
    )
    film_back: bpy.props.EnumProperty(
        name="Camera",
        description="Whose film back it is; sets the sensor's width",
        items=[
            (OTHER_BACK, "Other", "Type the width of the film back"),
            *((back.name, back.camera, f"{back.width_mm:g} mm wide") for back in FILM_BACKS),
        ],
        update=_take_width,
    )
    sensor_mm: bpy.props.FloatProperty(
        name="Sensor Width",
        description="Width of the film back, in millimeters",
        default=36.0,
        min=1.0,
        max=200.0,
        precision=2,
    )
    engine: bpy.props.EnumProperty(
        name="Engine",
        description="What computes the geometry",
        items=[
            (Engine.AUTO, "Auto", "PAGE-4D where the server has its weights, else Classical"),
            (Engine.PAGE4D, "PAGE-4D", "The network; needs weights on the server, and a GPU to be fast"),
            (Engine.CLASSICAL, "Classical", "Structure from motion; runs everywhere"),
            (Engine.MINI, "PAGE-4D mini", "The small network that comes with the server; needs torch there"),
        ],
    )
    mode: bpy.props.EnumProperty(
        name="Camera",
        description="What the camera does in the shot",
        items=[
            (Mode.AUTO, "Auto", "Find out"),
            (Mode.FREE, "Free", "It moves through the scene"),
            (Mode.TRIPOD, "Tripod", "It turns and does not move"),
            (Mode.ZOOM, "Zoom", "Its focal length changes"),
        ],
    )
    distortion: bpy.props.EnumProperty(
        name="Distortion",
        items=[
            (Distortion.SOLVE, "Solve", "Find the lens distortion"),
            (Distortion.NONE, "None", "The plate is undistorted"),
        ],
    )
    smoothing: bpy.props.FloatProperty(
        name="Smoothing",
        description="Smooth the camera path; 0 keeps what was measured",
        subtype="FACTOR",
        min=0.0,
        max=1.0,
    )
    use_mattes: bpy.props.BoolProperty(name="Mattes", description="Bring mattes of your own")
    exclude: bpy.props.StringProperty(
        name="Leave Out",
        description="Folder of black-and-white images, numbered as the footage is: white is left out of the solve",
        subtype="DIR_PATH",
    )
    mattes: bpy.props.CollectionProperty(type=PAGE4D_PG_matte)
    invert_mattes: bpy.props.BoolProperty(name="Invert", description="In these mattes, black is the thing")
    dilate_mattes: bpy.props.IntProperty(
        name="Dilate", description="Grow the mattes", subtype="PIXEL", default=0, min=0, max=1000
    )
    shadows: bpy.props.BoolProperty(
        name="Shadows",
        description="Give shadows that move a layer of their own; else they are part of what they lie on",
    )


def footage_of(scene: bpy.types.Scene) -> Path | None:
    return _path(scene.page4d.footage)


def package_of(scene: bpy.types.Scene) -> Path | None:
    """The folder of the result; picking its manifest, or any file in it, names the folder as well."""
    path = _path(scene.page4d.package)
    return path.parent if path is not None and path.is_file() else path


def settings_of(scene: bpy.types.Scene) -> SolveSettings:
    """Raises BadSettings."""
    shot = scene.page4d
    return SolveSettings(
        engine=Engine(shot.engine),
        frames=Frames(shot.first, shot.last, shot.step) if shot.use_frames else None,
        lens=Lens(shot.focal_mm, shot.sensor_mm) if shot.use_lens else None,
        mode=Mode(shot.mode),
        distortion=Distortion(shot.distortion),
        smoothing=shot.smoothing,
        mattes=_mattes_of(shot) if shot.use_mattes else None,
        shadows=shot.shadows,
    )


def _mattes_of(shot: PAGE4D_PG_shot) -> Mattes | None:
    layers = tuple((matte.name, folder) for matte in shot.mattes if (folder := _path(matte.folder)) is not None)
    exclude = _path(shot.exclude)
    return Mattes(exclude, layers, shot.invert_mattes, shot.dilate_mattes) if exclude or layers else None


def _path(text: str) -> Path | None:
    """Typed and picked paths may be relative to the .blend, and a folder's may end in a slash."""
    return Path(bpy.path.abspath(text)) if text.strip() else None


def register() -> None:
    bpy.utils.register_class(PAGE4D_PG_matte)
    bpy.utils.register_class(PAGE4D_PG_shot)
    bpy.types.Scene.page4d = bpy.props.PointerProperty(type=PAGE4D_PG_shot)


def unregister() -> None:
    del bpy.types.Scene.page4d
    bpy.utils.unregister_class(PAGE4D_PG_shot)
    bpy.utils.unregister_class(PAGE4D_PG_matte)
