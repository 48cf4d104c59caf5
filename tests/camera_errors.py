"""How far cameras are from the truth, free of where the world lies and how large it is."""

import numpy as np

from model_server.geometry.cameras import inverse


def path_error(found: np.ndarray, truth: np.ndarray) -> float:
    """RMS distance of camera centers after the best Sim(3) (Umeyama 1991), as a share of the path's extent."""
    a, b = inverse(found)[:, :3, 3], inverse(truth)[:, :3, 3]
    a0, b0 = a - a.mean(0), b - b.mean(0)
    u, d, vt = np.linalg.svd(b0.T @ a0)
    sign = np.diag([1, 1, np.sign(np.linalg.det(u @ vt))])
    scale = np.trace(np.diag(d) @ sign) / (a0**2).sum()
    error = b0 - scale * a0 @ (u @ sign @ vt).T
    return float(np.sqrt((error**2).sum(1).mean()) / np.linalg.norm(np.ptp(b, axis=0)))


def turn_error(found: np.ndarray, truth: np.ndarray) -> float:
    """Largest angle in radians between rotations; both worlds are the first frame's camera."""
    between = found[:, :3, :3] @ np.swapaxes(truth[:, :3, :3], 1, 2)
    return float(np.arccos(np.clip((np.trace(between, axis1=1, axis2=2) - 1) / 2, -1, 1)).max())
