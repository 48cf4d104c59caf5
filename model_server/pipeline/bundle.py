"""Bundle adjustment with a robust loss (Triggs et al. 2000), by Ceres through pycolmap."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

import numpy as np
import pycolmap

from model_server.errors import Unsolvable
from model_server.geometry.lens import Distortion
from model_server.geometry.shot import Array
from model_server.geometry.triangulation import PointSightings
from model_server.pipeline.zoom_adjustment import adjust_zoom, zoom_sigmas
from model_server.pipeline.zoom_equations import ZoomBundle

LOSS_PX = 0.7  # residuals beyond about this count less (Cauchy)


@dataclass(frozen=True)
class Lens:
    """In square pixels; one for all frames, unless `zoom` gives a focal length for each.

    `given` distortion is kept; else k1 is found, unless it is locked at 0, and k2 beside it where that is not locked.
    """

    focal: float
    k1: float = 0.0
    k2: float = 0.0
    given: Distortion | None = None
    lock_focal: bool = False
    lock_k1: bool = False
    lock_k2: bool = True
    zoom: Array | None = None  # (F,) focal lengths that change smoothly; `focal` is then their median

    def focals(self, frame_count: int) -> Array:
        """(F,) of every frame."""
        return np.full(frame_count, self.focal) if self.zoom is None else self.zoom

    def zoomed(self, focals: Array) -> "Lens":
        """The lens with other focal lengths (F,) of its frames."""
        return replace(self, focal=float(np.median(focals)), zoom=focals)

    @property
    def distortion(self) -> Distortion:
        return Distortion(self.k1, self.k2) if self.given is None else self.given


@dataclass(frozen=True)
class Bundle:
    """Cameras, lens and points that explain the sightings."""

    camera_from_world: Array  # (F, 4, 4); NaN where unknown
    lens: Lens
    points: Array  # (N, 3); NaN where unknown


def adjust(
    bundle: Bundle, sightings: PointSightings, size: tuple[float, float], iterations: int, loss_px: float = LOSS_PX
) -> Bundle:
    """The bundle with everything refined that is not locked.

    Args:
        sightings: square pixels, only of frames and points that `bundle` knows; as the plate has them, but
            undistorted where the distortion is given.
        size: width and height of the square picture.
        loss_px: residuals beyond about this count less.

    Raises:
        Unsolvable: the sightings do not hold a zoom.
    """
    lens = bundle.lens
    if lens.zoom is not None and not lens.lock_focal:
        with _zoom_held():
            found = adjust_zoom(
                _zoom(bundle),
                sightings,
                np.array(size) / 2,
                lock_k1=lens.lock_k1,
                iterations=iterations,
                loss_px=loss_px,
            )
        return Bundle(found.camera_from_world, replace(lens.zoomed(found.focals), k1=found.k1), found.points)
    model = _reconstruction(bundle, sightings, size)
    # No gauge is fixed: holding the step between two near cameras, as gauges do, holds its error as well.
    _adjuster(model, lens, iterations, pycolmap.BundleAdjustmentGauge.UNSPECIFIED, loss_px).solve()
    return _bundle(model, bundle)


def focal_sigma(bundle: Bundle, sightings: PointSightings, size: tuple[float, float]) -> float:
    """One standard deviation of the focal length in pixels for sightings that are off by one pixel.

    NaN where it is locked, or not held; of a zoom that of its least known frame. Arguments as for `adjust`.

    Raises:
        Unsolvable: the sightings do not hold a zoom.
    """
    lens = bundle.lens
    if lens.lock_focal:
        return float("nan")
    if lens.zoom is None:
        return _ceres_focal_sigma(_reconstruction(bundle, sightings, size), lens)
    with _zoom_held():
        sigmas = zoom_sigmas(_zoom(bundle), sightings, np.array(size) / 2, lock_k1=lens.lock_k1, loss_px=LOSS_PX)
    return float((sigmas * lens.zoom).max())


def _zoom(bundle: Bundle) -> ZoomBundle:
    lens = bundle.lens
    focals = lens.focals(len(bundle.camera_from_world))
    return ZoomBundle(bundle.camera_from_world, focals, lens.k1, bundle.points)


@contextmanager
def _zoom_held() -> Iterator[None]:
    try:
        yield
    except np.linalg.LinAlgError as error:
        raise Unsolvable(
            "the tracks do not hold a focal length for every frame", hint="solve with one: mode free"
        ) from error


def _adjuster(
    model: pycolmap.Reconstruction,
    lens: Lens,
    iterations: int,
    gauge: pycolmap.BundleAdjustmentGauge,
    loss_px: float = LOSS_PX,
) -> pycolmap.CeresBundleAdjuster:
    config = pycolmap.BundleAdjustmentConfig()
    for image_id in model.reg_image_ids():
        config.add_image(image_id)
    config.fix_gauge(gauge)
    return pycolmap.create_default_ceres_bundle_adjuster(_options(lens, iterations, loss_px), config, model)


def _reconstruction(bundle: Bundle, sightings: PointSightings, size: tuple[float, float]) -> pycolmap.Reconstruction:
    model = pycolmap.Reconstruction()
    lens = bundle.lens
    model_name, terms = ("SIMPLE_RADIAL", [lens.k1]) if lens.lock_k2 else ("RADIAL", [lens.k1, lens.k2])
    camera = pycolmap.Camera.create_from_model_name(1, model_name, lens.focal, round(size[0]), round(size[1]))
    camera.params = [lens.focal, size[0] / 2, size[1] / 2, *terms]
    model.add_camera_with_trivial_rig(camera)
    order = np.lexsort((sightings.tracks, sightings.frames))
    frames, tracks = sightings.frames[order], sightings.tracks[order]
    elements: dict[int, list[tuple[int, int]]] = {}
    for frame in np.unique(frames):
        inside = slice(*np.searchsorted(frames, [frame, frame + 1]))
        image = pycolmap.Image(
            name=f"{frame:06d}", keypoints=sightings.positions[order][inside], camera_id=1, image_id=int(frame) + 1
        )
        model.add_image_with_trivial_frame(image, pycolmap.Rigid3d(bundle.camera_from_world[frame, :3]))
        for index, track in enumerate(tracks[inside].tolist()):
            elements.setdefault(track, []).append((int(frame) + 1, index))
    for track, sights in elements.items():
        model.add_point3D_with_id(
            track + 1,
            pycolmap.Point3D(
                xyz=bundle.points[track], track=pycolmap.Track([pycolmap.TrackElement(*sight) for sight in sights])
            ),
        )
    return model


def _options(lens: Lens, iterations: int, loss_px: float) -> pycolmap.BundleAdjustmentOptions:
    options = pycolmap.BundleAdjustmentOptions()
    options.refine_focal_length = not lens.lock_focal
    options.refine_extra_params = not lens.lock_k1
    options.print_summary = False
    options.ceres.loss_function_type = pycolmap.LossFunctionType.CAUCHY
    options.ceres.loss_function_scale = loss_px
    options.ceres.solver_options.max_num_iterations = iterations
    options.ceres.solver_options.function_tolerance = 1e-6
    # One thread: sums in another order would give other cameras every time.
    options.ceres.solver_options.num_threads = 1
    return options


def _ceres_focal_sigma(model: pycolmap.Reconstruction, lens: Lens) -> float:
    """It does not depend on the gauge, but the matrix to invert needs one."""
    adjuster = _adjuster(model, lens, 1, pycolmap.BundleAdjustmentGauge.TWO_CAMS_FROM_WORLD)
    adjuster.solve()
    options = pycolmap.BACovarianceOptions()
    options.params = pycolmap.BACovarianceOptionsParams.ALL
    covariance = pycolmap.estimate_ba_covariance(options, model, adjuster)
    known = None if covariance is None else covariance.get_other_params_cov(model.cameras[1].params)
    return float("nan") if known is None else float(np.sqrt(known[0, 0]))


def _bundle(model: pycolmap.Reconstruction, before: Bundle) -> Bundle:
    poses, points = np.full_like(before.camera_from_world, np.nan), np.full_like(before.points, np.nan)
    for image in model.images.values():
        poses[image.image_id - 1] = np.eye(4)
        poses[image.image_id - 1, :3] = image.cam_from_world().matrix()
    for point_id, point in model.points3D.items():
        points[point_id - 1] = point.xyz
    focal, _, _, k1, *k2 = map(float, model.cameras[1].params)
    return Bundle(poses, replace(before.lens, focal=focal, k1=k1, k2=k2[0] if k2 else 0.0), points)
