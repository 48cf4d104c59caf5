"""Bundle adjustment with a focal length per frame that changes smoothly, which pycolmap's can't be told.

Levenberg and Marquardt's method (Triggs et al., "Bundle adjustment: a modern synthesis", 2000). Second differences of
the focal lengths' logarithms are drawn to zero, as strongly as the shot itself says: their spread is found by MacKay's
evidence updates ("Bayesian interpolation", 1992). Without that a camera that moves along its view could trade its way
for focal length, frame by frame.
"""

from dataclasses import replace

import numpy as np

from model_server.geometry.shot import Array
from model_server.geometry.triangulation import PointSightings
from model_server.pipeline.zoom_equations import Layout, ZoomBundle

_LOOSE, _STIFF = 0.05, 1e-5  # bounds of the spread of second differences, per frame squared
_EVIDENCE_ROUNDS = 2
_TOLERANCE = 1e-6  # relative change of the cost
_FIRST_DAMPING, _LEAST_DAMPING, _MOST_DAMPING = 1e-4, 1e-9, 1e6


def adjust_zoom(
    bundle: ZoomBundle,
    sightings: PointSightings,
    center: Array,
    *,
    lock_k1: bool,
    iterations: int,
    loss_px: float,
) -> ZoomBundle:
    """Refine cameras, focal lengths, points and, unless it is locked, k1.

    Args:
        sightings: pixels, distorted as k1 says; only of frames and points that `bundle` knows.
        center: (2,) principal point in pixels.
        iterations: at most so many steps in each of two rounds.
        loss_px: residuals beyond about this count less (Cauchy).

    Raises:
        LinAlgError: the sightings do not hold the focal lengths.
    """
    layout = Layout.of(bundle, sightings, center, lock_k1)
    spread = _LOOSE
    if np.abs(_second_differences(len(bundle.focals)) @ np.log(bundle.focals)).max(initial=0.0) > _STIFF:
        spread, _ = _evidence(bundle, layout, spread, loss_px)  # of focal lengths that were found before
    for remaining in reversed(range(_EVIDENCE_ROUNDS)):
        bundle = _minimized(bundle, layout, (_noise(bundle, layout) / spread) ** 2, iterations, loss_px)
        if remaining:
            spread, _ = _evidence(bundle, layout, spread, loss_px)
    return replace(bundle, focals=_held_at_the_ends(bundle.focals, layout.known))


def zoom_sigmas(
    bundle: ZoomBundle, sightings: PointSightings, center: Array, *, lock_k1: bool, loss_px: float
) -> Array:
    """(F,) one standard deviation of each focal length's logarithm for sightings that are off by one pixel.

    How smoothly the focal length changes counts as known. Arguments and errors as for `adjust_zoom`.
    """
    layout, spread = Layout.of(bundle, sightings, center, lock_k1), _LOOSE
    for _ in range(_EVIDENCE_ROUNDS):
        spread, covariance = _evidence(bundle, layout, spread, loss_px)
    return np.asarray(np.sqrt(np.maximum(np.diagonal(covariance), 0.0)))


def _evidence(bundle: ZoomBundle, layout: Layout, spread: float, loss_px: float) -> tuple[float, Array]:
    """The spread that the shot itself says, and (F, F) the covariance that `spread` leaves the logarithms."""
    noise, logs = _noise(bundle, layout), np.log(bundle.focals)
    bending = _bending(len(logs), (noise / spread) ** 2)
    covariance = layout.equations(bundle, bending, loss_px).focal_covariance()
    return _spread(logs, covariance * noise**2, spread), covariance


def _held_at_the_ends(focals: Array, known: Array) -> Array:
    """(F,) where frames before the first known one have its focal length, and so at the end: no line is drawn on."""
    frames = np.clip(np.arange(len(focals)), known[0], known[-1])
    return np.asarray(focals[frames])


def _noise(bundle: ZoomBundle, layout: Layout) -> float:
    """Standard deviation of one coordinate of the errors in pixels, from their median."""
    errors = np.linalg.norm(bundle.errors(layout.sightings, layout.center), axis=1)
    return max(float(np.median(errors)) / 1.1774, 1e-3)


def _minimized(bundle: ZoomBundle, layout: Layout, stiffness: float, iterations: int, loss_px: float) -> ZoomBundle:
    bending = _bending(len(bundle.focals), stiffness)

    def cost_of(candidate: ZoomBundle) -> float:
        squares = (candidate.errors(layout.sightings, layout.center) ** 2).sum(1)
        logs = np.log(candidate.focals)
        return float(loss_px**2 * np.log1p(squares / loss_px**2).sum() + logs @ bending @ logs)

    cost, damping = cost_of(bundle), _FIRST_DAMPING
    equations = layout.equations(bundle, bending, loss_px)
    for _ in range(iterations):
        step = equations.step(damping)
        candidate = None if step is None else layout.moved(bundle, step)
        changed = float("inf") if candidate is None else cost_of(candidate)
        if candidate is None or not changed < cost:
            damping *= 10
            if damping > _MOST_DAMPING:
                break
            continue
        settled = cost - changed < _TOLERANCE * cost
        bundle, cost, damping = candidate, changed, max(damping / 10, _LEAST_DAMPING)
        if settled:
            break
        equations = layout.equations(bundle, bending, loss_px)
    return bundle


def _bending(count: int, stiffness: float) -> Array:
    """(count, count) quadratic form on the logarithms of the focal lengths."""
    differences = _second_differences(count)
    return np.asarray(stiffness * differences.T @ differences)


def _spread(logs: Array, covariance: Array, before: float) -> float:
    """MacKay's update: what the second differences show, over how many of them the sightings tell."""
    differences = _second_differences(len(logs))
    if not len(differences):
        return before
    unsure = np.einsum("ij,jk,ik->", differences, covariance, differences)
    told = max(len(differences) - float(unsure) / before**2, 1.0)
    return float(np.clip(np.sqrt(((differences @ logs) ** 2).sum() / told), _STIFF, _LOOSE))


def _second_differences(count: int) -> Array:
    """(max(count - 2, 0), count)"""
    return np.diff(np.eye(count), n=2, axis=0) if count > 2 else np.zeros((0, count))
