"""Frames as PyTorch3D's datasets describe them in `frame_annotations*.jgz`: CO3D and DynamicReplica."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from model_server.training.readers.dataset_files import DatasetFiles
from model_server.training.readers.pinhole import pinhole, rigid

_OURS_FROM_PYTORCH3D = np.diag([-1.0, -1.0, 1.0])  # PyTorch3D's cameras: x left, y up, z forward


@dataclass(frozen=True, slots=True)
class AnnotatedFrame:
    """One frame; paths are relative to the dataset's root."""

    number: int
    image: str
    depth: str
    depth_mask: str | None
    depth_scale: float
    camera_from_world: NDArray[np.float64]  # (4, 4), x right, y down, z forward
    intrinsics: NDArray[np.float64]  # (3, 3) pixels, (0, 0) is the corner


def read_annotations(files: DatasetFiles, path: Path) -> dict[tuple[str, str], list[AnnotatedFrame]]:
    """Frames of each sequence and camera (empty where there is but one), in the order of their numbers.

    Raises:
        BadInput: the file is missing, or a frame of it lacks what is needed.
    """
    stored = files.json(path.parent.name, path)
    frames: dict[tuple[str, str], list[AnnotatedFrame]] = {}
    try:
        for entry in stored:
            key = (str(entry["sequence_name"]), str(entry.get("camera_name") or ""))
            frames.setdefault(key, []).append(_frame(entry))
    except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
        raise files.damaged(
            path.parent.name, path, f"a frame of it is not described as expected ({error!r})"
        ) from error
    return {key: sorted(frames[key], key=lambda frame: frame.number) for key in sorted(frames)}


def _frame(entry: dict[str, Any]) -> AnnotatedFrame:
    height, width = map(int, entry["image"]["size"])
    depth, view = entry["depth"], entry["viewpoint"]
    return AnnotatedFrame(
        number=int(entry["frame_number"]),
        image=str(entry["image"]["path"]),
        depth=str(depth["path"]),
        depth_mask=str(depth["mask_path"]) if depth.get("mask_path") else None,
        depth_scale=float(depth.get("scale_adjustment") or 1),
        camera_from_world=_camera_from_world(view),
        intrinsics=_intrinsics(view, width, height),
    )


def _camera_from_world(view: dict[str, Any]) -> NDArray[np.float64]:
    """PyTorch3D multiplies rows: camera = world @ R + T."""
    rotation = np.array(view["R"], np.float64).reshape(3, 3)
    translation = np.array(view["T"], np.float64).reshape(3)
    return rigid(_OURS_FROM_PYTORCH3D @ rotation.T, _OURS_FROM_PYTORCH3D @ translation)


def _intrinsics(view: dict[str, Any], width: int, height: int) -> NDArray[np.float64]:
    """Normalized coordinates are 0 in the middle of the image and grow to the left and up.

    They are 1 at the edge: of both sides in `ndc_norm_image_bounds`, of the shorter in `ndc_isotropic`.
    """
    kind = str(view["intrinsics_format"]).lower()
    if kind not in ("ndc_isotropic", "ndc_norm_image_bounds"):
        raise ValueError(f"intrinsics_format {kind}")
    half = np.array([width, height]) / 2
    unit = half if kind == "ndc_norm_image_bounds" else np.full(2, half.min())
    focal = np.array(view["focal_length"], np.float64).reshape(2) * unit
    center = half - np.array(view["principal_point"], np.float64).reshape(2) * unit
    return pinhole(*focal, *center)
