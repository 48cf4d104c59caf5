"""Structure from motion on tracks, with several guesses of the focal length, since a wrong one can look good."""

import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pycolmap

from model_server.engines.classical.match_database import Sightings, write_database
from model_server.geometry.shot import Array, Progress
from model_server.geometry.square_picture import SquarePicture
from model_server.settings import SolveSettings

_VIEW_ANGLES = (75.0, 55.0, 40.0, 28.0)  # degrees across the long side: a wide lens to a short telephoto


@dataclass(frozen=True)
class Structure:
    """What the mapper found, in working pixels; frames that were not found are NaN."""

    camera_from_world: Array  # (F, 4, 4)
    focal: float
    k1: float
    inlier_rows: Array  # (m,) rows of the sightings that stand in a 3D point
    error_px: float  # mean reprojection error


def find_structure(
    sightings: Sightings, frame_count: int, square: SquarePicture, settings: SolveSettings, progress: Progress
) -> Structure | None:
    """Cameras from the guess of the lens that explains most."""
    focal = square.width / 2 / np.tan(np.radians(_VIEW_ANGLES[1]) / 2)
    camera = pycolmap.Camera.create_from_model_name(
        1, "SIMPLE_RADIAL", focal, round(square.width), round(square.height)
    )
    camera.params = [focal, square.width / 2, square.height / 2, 0.0]
    camera.has_prior_focal_length = True
    found = reconstruct(sightings, frame_count, camera, settings.lens is not None)
    progress(1.0)
    return found


def reconstruct(sightings: Sightings, frame_count: int, camera: pycolmap.Camera, lock: bool) -> Structure | None:
    """COLMAP's incremental mapper, from one guess of the lens.

    Args:
        camera: the guess; has_prior_focal_length says whether two views may trust it.
        lock: keep the guess's focal length and distortion.
    """
    with tempfile.TemporaryDirectory(prefix="page4d-") as scratch:
        path = Path(scratch) / "database.db"
        rows = write_database(path, sightings, camera)
        models = pycolmap.incremental_mapping(str(path), scratch, scratch, _mapping_options(lock))
    if not models:
        return None
    best = max(models.values(), key=lambda model: (model.num_reg_images(), model.num_points3D()))
    return _structure(best, rows, frame_count)


def _structure(model: pycolmap.Reconstruction, rows: dict[int, Array], frame_count: int) -> Structure:
    poses = np.full((frame_count, 4, 4), np.nan)
    inliers = []
    for image in model.images.values():
        if not image.has_pose:
            continue
        frame = image.image_id - 1
        poses[frame] = np.eye(4)
        poses[frame, :3] = image.cam_from_world().matrix()
        inliers.append(rows[frame][np.array(image.get_observation_point2D_idxs(), int)])
    camera = next(iter(model.cameras.values()))
    k1 = float(camera.params[3]) if len(camera.params) > 3 else 0.0
    return Structure(
        poses, camera.mean_focal_length(), k1, np.concatenate(inliers), model.compute_mean_reprojection_error()
    )


def _mapping_options(lock: bool) -> pycolmap.IncrementalPipelineOptions:
    options = pycolmap.IncrementalPipelineOptions()
    options.random_seed = 1
    options.mapper.random_seed = 1
    options.triangulation.random_seed = 1
    options.extract_colors = False
    options.min_model_size = 3
    options.max_num_models = 3
    options.ba_refine_focal_length = not lock
    options.ba_refine_extra_params = not lock
    options.mapper.abs_pose_refine_focal_length = False
    options.mapper.abs_pose_refine_extra_params = False
    options.mapper.init_min_tri_angle = 3.0
    options.mapper.init_max_error = 2.0
    options.mapper.abs_pose_max_error = 6.0
    options.mapper.filter_max_reproj_error = 3.0
    options.mapper.filter_min_tri_angle = 0.7
    options.triangulation.min_angle = 0.7
    options.num_threads = 2
    return options
