"""Published datasets as they lie on disk, for training and for scoring; `reader_named` opens one."""

from collections.abc import Callable
from importlib import import_module
from pathlib import Path

from model_server.errors import BadInput
from model_server.training.readers.reader import FootageReader

# Module and class of each; a module is loaded when its dataset is asked for.
_READERS: dict[str, tuple[str, str]] = {
    "bonn": ("bonn", "BonnReader"),
    "co3d": ("co3d", "Co3dReader"),
    "davis": ("davis", "DavisReader"),
    "dycheck": ("dycheck", "DyCheckReader"),
    "dynamic_replica": ("dynamic_replica", "DynamicReplicaReader"),
    "kitti": ("kitti", "KittiReader"),
    "kubric": ("kubric", "KubricReader"),
    "point_odyssey": ("point_odyssey", "PointOdysseyReader"),
    "sintel": ("sintel", "SintelReader"),
    "spring": ("spring", "SpringReader"),
    "tum": ("tum", "TumReader"),
    "waymo": ("waymo", "WaymoReader"),
}


def reader_names() -> tuple[str, ...]:
    """The datasets that can be read."""
    return tuple(sorted(_READERS))


def reader_named(name: str, root: Path) -> FootageReader:
    """Open the dataset at `root`: the folder that holds its sequences, or its one split that is wanted.

    Raises:
        BadInput: no such dataset, no such folder, or nothing in it that is laid out as the dataset is.
    """
    if name not in _READERS:
        raise BadInput(f"there is no dataset '{name}'", hint=f"it is one of {', '.join(reader_names())}")
    if not root.is_dir():
        raise BadInput(
            f"the folder '{root}' of {name} does not exist", hint="see docs/DATASETS.md for how it is laid out"
        )
    module, class_name = _READERS[name]
    opened: Callable[[Path], FootageReader] = getattr(import_module(f"{__name__}.{module}"), class_name)
    return opened(root)
