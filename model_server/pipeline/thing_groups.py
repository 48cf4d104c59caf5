"""Parts that stay together are one thing."""

import cv2
import numpy as np
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from model_server.geometry.shot import Array

_TOGETHER = 0.6  # of the frames that show the shorter-lived part


def group_things(labels: Array, count: int, gap_px: int) -> Array:
    """Join parts that touch for most of the life of the shorter-lived one: a person is one layer, not three.

    Args:
        labels: (F, H, W) ids of parts, 0 nothing.
        count: the largest id.
        gap_px: parts no farther apart touch.

    Returns:
        (count + 1,) the group of each id; 0 stays 0, and groups are named by one of their ids.
    """
    seen, touching = np.zeros(count + 1, np.int64), np.zeros((count + 1, count + 1), np.int64)
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * gap_px + 1, 2 * gap_px + 1))
    for frame in labels:
        ids = np.unique(frame[frame > 0])
        seen[ids] += 1
        for part in ids if len(ids) > 1 else ():
            grown = cv2.dilate((frame == part).astype(np.uint8), kernel) > 0
            touched = np.unique(frame[grown])
            touching[part, touched[touched != part]] += 1
    touching[:, 0] = touching[0] = 0
    life = np.minimum(seen[:, None], seen[None])
    first, second = np.nonzero((touching > _TOGETHER * life) & (life > 0))
    joined = coo_matrix((np.ones(len(first)), (first, second)), shape=touching.shape)
    _, group = connected_components(joined, directed=False)
    names = np.zeros(group.max() + 1, np.int64)
    names[group[::-1]] = np.arange(count, -1, -1)  # each group's lowest id
    return np.asarray(names[group])
