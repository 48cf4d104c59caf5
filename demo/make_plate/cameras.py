"""Cameras of the plate: the headset's own poses, refined until they hold the picture still enough for feet to stand.

The headset's poses fit the picture to about 0.7 px (median), which is enough for planted feet to slide by eye. Bundle
adjustment of SIFT tracks, started from those poses with the known lens, halves that; a Sim(3) puts the result back in
the headset's metric world, so its depth maps stay valid. Runs in `.venv` (pycolmap).
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pycolmap

PIXEL_CENTER = 0.5  # the dataset counts from pixel centers, COLMAP from pixel corners


def refine_cameras(frames: Path, intrinsics: np.ndarray, cam_from_world: np.ndarray, scratch: Path) -> np.ndarray:
    """Refine poses on the pictures.

    Args:
        frames: folder of pictures, in the order of the cameras by name.
        intrinsics: (3, 3), pixels counted from pixel centers.
        cam_from_world: (frames, 4, 4) poses to start from, meters.
        scratch: an empty folder for COLMAP's database.

    Returns:
        (frames, 4, 4) refined poses in the same world.
    """
    database = scratch / "features.db"
    _match(database, frames, intrinsics)
    reconstruction = _triangulate(database, frames, cam_from_world, scratch)
    _adjust(reconstruction)
    images = sorted(reconstruction.images.values(), key=lambda image: image.name)
    refined = np.tile(np.eye(4), (len(images), 1, 1))
    refined[:, :3] = [image.cam_from_world().matrix() for image in images]
    return _in_the_world_of(refined, cam_from_world)


def _match(database: Path, frames: Path, intrinsics: np.ndarray) -> None:
    reader = pycolmap.ImageReaderOptions()
    reader.camera_model = "PINHOLE"
    (fx, _, cx), (_, fy, cy), _ = intrinsics
    reader.camera_params = f"{fx},{fy},{cx + PIXEL_CENTER},{cy + PIXEL_CENTER}"
    extraction = pycolmap.FeatureExtractionOptions()
    extraction.num_threads = 2
    pycolmap.extract_features(
        database,
        frames,
        camera_mode=pycolmap.CameraMode.SINGLE,
        reader_options=reader,
        extraction_options=extraction,
    )
    pairing = pycolmap.SequentialPairingOptions()
    pairing.overlap = 10
    pycolmap.match_sequential(database, pairing_options=pairing)


def _triangulate(database: Path, frames: Path, cam_from_world: np.ndarray, scratch: Path) -> pycolmap.Reconstruction:
    """Points seen from the given poses; wide limits, for the poses are not yet good."""
    reconstruction = pycolmap.Reconstruction()
    with pycolmap.Database.open(str(database)) as found:
        for camera in found.read_all_cameras():
            reconstruction.add_camera_with_trivial_rig(camera)
        for image, pose in zip(sorted(found.read_all_images(), key=lambda i: i.name), cam_from_world, strict=True):
            reconstruction.add_image_with_trivial_frame(image, pycolmap.Rigid3d(pose[:3]))
    options = pycolmap.IncrementalPipelineOptions()
    options.fix_existing_frames = True
    options.mapper.filter_max_reproj_error = 12
    options.triangulation.complete_max_reproj_error = 12
    options.triangulation.merge_max_reproj_error = 12
    options.triangulation.create_max_angle_error = 6
    options.triangulation.continue_max_angle_error = 6
    return pycolmap.triangulate_points(
        reconstruction, database, frames, scratch, options=options, refine_intrinsics=False
    )


def _adjust(reconstruction: pycolmap.Reconstruction) -> None:
    for worst_px in (8, 4, 3):
        config = pycolmap.BundleAdjustmentConfig()
        for image in reconstruction.images:
            config.add_image(image)
        config.fix_gauge(pycolmap.BundleAdjustmentGauge.THREE_POINTS)
        options = pycolmap.BundleAdjustmentOptions()
        options.refine_focal_length = options.refine_principal_point = options.refine_extra_params = False
        options.print_summary = False
        options.ceres.loss_function_type = pycolmap.LossFunctionType.SOFT_L1
        pycolmap.create_default_bundle_adjuster(options, config, reconstruction).solve()
        pycolmap.ObservationManager(reconstruction).filter_all_points3D(worst_px, 1.0)


def _in_the_world_of(poses: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """Move poses by the Sim(3) that brings their camera centers closest to the wanted ones (Umeyama 1991)."""
    world_from_cam, centers = np.linalg.inv(poses), np.linalg.inv(wanted)[:, :3, 3]
    found = world_from_cam[:, :3, 3]
    around, target = found - found.mean(0), centers - centers.mean(0)
    u, singular, vt = np.linalg.svd(target.T @ around / len(found))
    sign = np.diag([1.0, 1.0, np.sign(np.linalg.det(u) * np.linalg.det(vt))])
    rotation = u @ sign @ vt
    scale = np.trace(np.diag(singular) @ sign) / (around**2).sum(1).mean()
    moved = world_from_cam.copy()
    moved[:, :3, :3] = rotation @ world_from_cam[:, :3, :3]
    moved[:, :3, 3] = scale * around @ rotation.T + centers.mean(0)
    return np.linalg.inv(moved)
