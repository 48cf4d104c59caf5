"""SIFT features (Lowe 2004) matched between frames: they join views that optical flow could not hold together."""

import cv2
import numpy as np
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from model_server.geometry.pixel_map import fit_long_side
from model_server.geometry.shot import Array, Progress
from model_server.pipeline.ahead import ahead
from model_server.pipeline.track_picture import TrackingPicture

_FEATURE_COUNT = 3000
_LONG_SIDE = 1280  # of the picture that features are found in
_GAPS = (1, 2, 3, 5, 8, 13, 21, 34)
_ENOUGH_SHARED = 250  # tracks that two near frames share already; matching them again would cost and add little
_FAR = 8  # from this gap on features are matched whatever flow has
_RATIO = 0.8  # Lowe's test
_EPIPOLAR_PX = 1.5
_MIN_INLIERS = 20


class FeatureMatcher:
    """Fed frame by frame; then says which features are the same point."""

    def __init__(self, picture: TrackingPicture) -> None:
        self._size = fit_long_side(picture.width, picture.height, _LONG_SIDE)
        self._scale = np.array([picture.width / self._size[0], picture.height / self._size[1]])
        self._sift = cv2.SIFT_create(nfeatures=_FEATURE_COUNT, contrastThreshold=0.02)  # type: ignore[attr-defined]
        self._positions: list[Array] = []
        self._descriptors: list[Array] = []

    def add(self, gray: Array, mask: Array | None = None) -> None:
        """The next frame, (height, width) uint8; there is no feature where `mask` is 0."""
        if gray.shape != self._size[::-1]:
            gray = cv2.resize(gray, self._size, interpolation=cv2.INTER_AREA)
            mask = None if mask is None else cv2.resize(mask, self._size, interpolation=cv2.INTER_NEAREST)
        keys, descriptors = self._sift.detectAndCompute(gray, mask)
        keys, descriptors = keys[:_FEATURE_COUNT], None if descriptors is None else descriptors[:_FEATURE_COUNT]
        positions = np.array([key.pt for key in keys], np.float64).reshape(-1, 2)
        self._positions.append((positions + 0.5) * self._scale - 0.5)
        # RootSIFT (Arandjelovic and Zisserman 2012), in bytes: a tenth of the memory of a long shot.
        values = np.zeros((0, 128), np.float32) if descriptors is None else descriptors
        values = np.sqrt(values / np.maximum(values.sum(1, keepdims=True), 1e-6))
        self._descriptors.append(np.rint(values * 255).astype(np.uint8))

    def sightings(self, followed: Array, progress: Progress) -> Array:
        """Features joined into tracks.

        Args:
            followed: (M, 4) track, frame, x, y of the corners; frames that share enough of them are left alone.

        Returns:
            (N, 4) track, frame, x, y as OpenCV has them.
        """
        counts = np.array([len(positions) for positions in self._positions])
        starts = np.concatenate([[0], np.cumsum(counts)])
        pairs = self._pairs(followed)
        links = []
        all_matches = ahead(lambda pair: self._match(*pair), pairs)
        for done, ((a, b), matches) in enumerate(zip(pairs, all_matches)):
            if len(matches):
                links.append(matches + np.array([starts[a], starts[b]]))
            progress((done + 1) / len(pairs))
        if not links:
            return np.zeros((0, 4))
        frames = np.repeat(np.arange(len(counts)), counts)
        tracks = _consistent(np.concatenate(links), frames)
        members = np.nonzero(tracks >= 0)[0]
        return np.column_stack([tracks[members], frames[members], np.concatenate(self._positions)[members]])

    def _pairs(self, followed: Array) -> list[tuple[int, int]]:
        """Gaps count the frames that show something: over black ones the view before meets the view after."""
        frames = [index for index, positions in enumerate(self._positions) if len(positions) >= _MIN_INLIERS]
        seen = np.zeros((len(self._positions), int(followed[:, 0].max()) + 1 if len(followed) else 1), bool)
        seen[followed[:, 1].astype(int), followed[:, 0].astype(int)] = True
        pairs = []
        for gap in _GAPS:
            stride = 1 if gap < _FAR else gap // _FAR + 1
            for a, b in list(zip(frames, frames[gap:]))[::stride]:
                if gap >= _FAR or np.count_nonzero(seen[a] & seen[b]) < _ENOUGH_SHARED:
                    pairs.append((a, b))
        return pairs

    def _match(self, a: int, b: int) -> Array:
        """(n, 2) indices of features of frames a and b: mutual nearest, clearly so, and on one epipolar geometry."""
        first, second = (self._descriptors[i].astype(np.float32) for i in (a, b))
        if min(len(first), len(second)) < _MIN_INLIERS:
            return np.zeros((0, 2), int)
        likeness = first @ second.T
        forward, rows = likeness.argmax(1), np.arange(len(first))
        best = likeness[rows, forward]
        mutual = best == likeness.max(0)[forward]  # a tenth of the time that the columns' argmax takes
        likeness[rows, forward] = -1
        norms = (first**2).sum(1), (second**2).sum(1)
        distance = norms[0] + norms[1][forward] - 2 * best
        next_distance = norms[0] + norms[1].mean() - 2 * likeness.max(1)
        good = mutual & (distance < _RATIO**2 * next_distance)
        matches = np.column_stack([rows, forward])[good]
        if len(matches) < _MIN_INLIERS:
            return np.zeros((0, 2), int)
        ends = self._positions[a][matches[:, 0]], self._positions[b][matches[:, 1]]
        # MAGSAC++ (Barath et al. 2020); its generator starts anew in every call.
        try:
            _, inliers = cv2.findFundamentalMat(*ends, cv2.USAC_MAGSAC, _EPIPOLAR_PX * self._scale.max(), 0.999, 2000)
        except (
            cv2.error
        ):  # with few matches its last refinement may be left without a model, and asserts that it has one
            return np.zeros((0, 2), int)
        if inliers is None or inliers.sum() < _MIN_INLIERS:
            return np.zeros((0, 2), int)
        return np.asarray(matches[inliers[:, 0] > 0])


def _consistent(links: Array, frames: Array) -> Array:
    """Connected features as tracks: (n,) track of each feature, -1 where none.

    A group that holds two features of one frame joins two points somewhere; none of it is used.
    """
    count = len(frames)
    graph = coo_matrix((np.ones(len(links), bool), (links[:, 0], links[:, 1])), shape=(count, count))
    _, group = connected_components(graph, directed=False)
    _, inverse, per_frame = np.unique(group * (frames.max() + 1) + frames, return_inverse=True, return_counts=True)
    bad = np.zeros(group.max() + 1, bool)
    bad[group[per_frame[inverse] > 1]] = True
    size = np.bincount(group)
    return np.where(bad[group] | (size[group] < 3), -1, group)
