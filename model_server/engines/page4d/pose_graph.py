"""Sim(3) poses that agree best with what was measured between pairs of them."""

from dataclasses import dataclass

import numpy as np
from scipy.sparse import coo_matrix, identity
from scipy.sparse.linalg import spsolve

from model_server.engines.page4d.similarity import Similarity, exponential, logarithm
from model_server.geometry.shot import Array

_STEP = 1e-6  # of the numeric derivative, in sim(3)
_ROUNDS = 10  # for each strength of the robust kernel
_SETTLED = 1e-9
_STIFFER, _SOFTER, _STIFFEST = 10.0, 0.3, 1e9
_CERTAIN = 18.5  # chi-square of 7 degrees of freedom, 99 %
_RELAX = 2.0  # how fast the kernel comes to its own width


@dataclass(frozen=True)
class Edges:
    """E measurements between poses."""

    first: Array  # (E,) int
    second: Array  # (E,) int
    first_from_second: Similarity  # a stack of E
    deviations: Array  # (E, 7) of the residual in sim(3), in the unit of the second pose
    doubtful: Array  # (E,) bool: may be altogether wrong


def optimize(poses: Similarity, edges: Edges) -> tuple[Similarity, Array]:
    """Least squares on the Lie algebra; doubtful edges under a Geman-McClure kernel that starts out nearly quadratic
    and narrows (graduated non-convexity, Yang et al. 2020), so that those are dropped which the others contradict.

    Args:
        poses: `world_from_pose`, a stack of N, to start at; the first one stays.
        edges: connect all of the poses.

    Returns:
        The poses, and the weight, 0..1, that each edge has in the end.
    """
    worst = float((_residuals(poses, edges) ** 2).sum(1)[edges.doubtful].max(initial=0))
    width = max(1.0, 2 * worst / _CERTAIN)
    weights = np.ones(len(edges.first))
    while True:
        poses = _least_squares(poses, edges, weights)
        squares = (_residuals(poses, edges) ** 2).sum(1)
        weights = np.where(edges.doubtful, (width * _CERTAIN / (width * _CERTAIN + squares)) ** 2, 1.0)
        if width == 1:
            return _least_squares(poses, edges, weights), weights
        width = max(1.0, width / _RELAX)


def _least_squares(poses: Similarity, edges: Edges, weights: Array) -> Similarity:
    """Levenberg-Marquardt for fixed weights."""
    stiffness, cost = 1e-6, _cost(poses, edges, weights)
    for _ in range(_ROUNDS):
        normal, slope = _normal_equations(poses, edges, weights)
        step = spsolve((normal + stiffness * identity(normal.shape[0])).tocsc(), -slope).reshape(-1, 7)
        moved = poses @ exponential(np.concatenate([np.zeros((1, 7)), step]))
        new_cost = _cost(moved, edges, weights)
        if not new_cost <= cost:
            stiffness *= _STIFFER
            if stiffness > _STIFFEST:
                break
            continue
        settled = cost - new_cost <= _SETTLED * cost
        poses, cost, stiffness = moved, new_cost, stiffness * _SOFTER
        if settled:
            break
    return poses


def _cost(poses: Similarity, edges: Edges, weights: Array) -> float:
    return float((weights[:, None] * _residuals(poses, edges) ** 2).sum())


def _residuals(poses: Similarity, edges: Edges) -> Array:
    """(E, 7) in deviations."""
    return _apart(poses[edges.first], poses[edges.second], edges)


def _apart(first: Similarity, second: Similarity, edges: Edges) -> Array:
    return logarithm((first @ edges.first_from_second).inverse @ second) / edges.deviations


def _normal_equations(poses: Similarity, edges: Edges, weights: Array) -> tuple[coo_matrix, Array]:
    """J^T W J and J^T W r over all poses but the first."""
    first, second = poses[edges.first], poses[edges.second]
    count, residuals = len(edges.first), _residuals(poses, edges)
    blocks = np.zeros((2, count, 7, 7))  # which end, edge, residual, direction
    for direction in range(7):
        nudges = exponential(_STEP * np.eye(7)[direction])
        blocks[0, :, :, direction] = (_apart(first @ nudges, second, edges) - residuals) / _STEP
        blocks[1, :, :, direction] = (_apart(first, second @ nudges, edges) - residuals) / _STEP
    rows = (np.arange(count)[:, None, None] * 7 + np.arange(7)[:, None]).repeat(7, axis=2)
    ends = np.stack([edges.first, edges.second])
    columns = np.broadcast_to(ends[..., None, None] * 7 + np.arange(7), blocks.shape)
    shape = (count * 7, len(poses.scale) * 7)
    jacobian = coo_matrix((blocks.ravel(), (np.stack([rows, rows]).ravel(), columns.ravel())), shape=shape).tocsc()
    jacobian = jacobian[:, 7:]
    weighted = jacobian.multiply(np.repeat(weights, 7)[:, None]).tocsc()
    return jacobian.T @ weighted, weighted.T @ residuals.ravel()
