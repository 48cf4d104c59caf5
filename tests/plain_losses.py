"""The losses of the training once more, the plain way: pixel by pixel, in float64 (MODEL_SPEC 5.4)."""

import math
from dataclasses import dataclass

import numpy as np

from model_server.training.normalized import Truth


@dataclass(frozen=True)
class PlainLoss:
    error: float
    confidence: float
    shape: float


def plain_truth(clips):
    import torch

    depth, valid = clips.depth.double().numpy(), clips.valid.numpy()
    cameras, lenses = clips.camera_from_world.double().numpy(), clips.intrinsics.double().numpy()
    batch, frames, height, width = depth.shape
    new_cameras, points = np.zeros_like(cameras), np.zeros((*depth.shape, 3))
    known, new_depth, scales = np.zeros_like(valid), np.zeros_like(depth), []
    for b in range(batch):
        distances = []
        for s in range(frames):
            new_cameras[b, s] = cameras[b, s] @ np.linalg.inv(cameras[b, 0])
            for y in range(height):
                for x in range(width):
                    known[b, s, y, x] = valid[b, s, y, x] and valid[b, 0].any()
                    if not known[b, s, y, x]:
                        continue
                    ray = np.linalg.inv(lenses[b, s]) @ [x + 0.5, y + 0.5, 1]
                    local = np.array([*(ray * depth[b, s, y, x]), 1])
                    points[b, s, y, x] = (np.linalg.inv(new_cameras[b, s]) @ local)[:3]
                    new_depth[b, s, y, x] = depth[b, s, y, x]
                    distances.append(math.dist(points[b, s, y, x], (0, 0, 0)))
        scale = min(max(sum(distances) / (len(distances) + 1e-3), 1e-6), 1e6)
        points[b] /= scale
        new_depth[b] /= scale
        new_cameras[b, :, :3, 3] /= scale
        scales.append(scale)
    as_tensor = torch.from_numpy
    return Truth(
        as_tensor(new_cameras),
        clips.intrinsics,
        as_tensor(new_depth),
        as_tensor(points),
        as_tensor(known),
        torch.tensor(scales),
    )


def plain_camera_loss(poses, truth) -> float:
    total = 0.0
    height, width = truth.depth.shape[-2:]
    chosen = [b for b in range(len(truth.depth)) if int(truth.valid[b, 0].sum()) > 100]
    for step, said in enumerate(poses.double().numpy()):
        translation, rotation, field = [], [], []
        for b in chosen:
            for s in range(said.shape[1]):
                camera, lens = truth.camera_from_world[b, s].double().numpy(), truth.intrinsics[b, s].double().numpy()
                translation += [min(abs(said[b, s, i] - camera[i, 3]), 100) for i in range(3)]
                rotation += list(np.abs(said[b, s, 3:7] - _quaternion(camera[:3, :3])))
                field.append(abs(said[b, s, 7] - 2 * math.atan(height / 2 / lens[1, 1])))
                field.append(abs(said[b, s, 8] - 2 * math.atan(width / 2 / lens[0, 0])))
        loss = np.mean(translation) + np.mean(rotation) + 0.5 * np.mean(field)
        total += 0.6 ** (len(poses) - 1 - step) * loss / len(poses)
    return float(total)


def _quaternion(rotation) -> np.ndarray:
    """By the eigenvector of the largest eigenvalue (Bar-Itzhack 2000): another way than ours."""
    r = rotation
    k = np.array(
        [
            [r[0, 0] - r[1, 1] - r[2, 2], r[1, 0] + r[0, 1], r[2, 0] + r[0, 2], r[2, 1] - r[1, 2]],
            [r[1, 0] + r[0, 1], r[1, 1] - r[0, 0] - r[2, 2], r[2, 1] + r[1, 2], r[0, 2] - r[2, 0]],
            [r[2, 0] + r[0, 2], r[2, 1] + r[1, 2], r[2, 2] - r[0, 0] - r[1, 1], r[1, 0] - r[0, 1]],
            [r[2, 1] - r[1, 2], r[0, 2] - r[2, 0], r[1, 0] - r[0, 1], r[0, 0] + r[1, 1] + r[2, 2]],
        ]
    )
    vector = np.linalg.eigh(k)[1][:, -1]
    return vector if vector[3] >= 0 else -vector


def plain_depth_loss(depth, confidence, truth, quantile) -> PlainLoss:
    errors, sure = [], []
    for place in np.argwhere(truth.valid.numpy()):
        errors.append(abs(float(depth[tuple(place)]) - float(truth.depth[tuple(place)])))
        sure.append(float(confidence[tuple(place)]))
    slopes = plain_gradient_loss(depth.flatten(0, 1), truth.depth.flatten(0, 1), truth.valid.flatten(0, 1))
    return _plain_loss(errors, sure, 0.3, 0.06, quantile, slopes)


def plain_points_loss(points, confidence, truth, quantile) -> PlainLoss:
    errors, sure = [], []
    for place in np.argwhere(truth.valid.numpy()):
        errors.append(math.dist(points[tuple(place)].tolist(), truth.points[tuple(place)].tolist()))
        sure.append(float(confidence[tuple(place)]))
    normals = plain_normal_loss(points.flatten(0, 1), truth.points.flatten(0, 1), truth.valid.flatten(0, 1))
    return _plain_loss(errors, sure, 1.0, 0.2, quantile, normals)


def _plain_loss(errors, sure, gamma, alpha, quantile, shape) -> PlainLoss:
    confidence = [gamma * min(e, 100) * c - alpha * math.log(c) for e, c in zip(errors, sure)]
    return PlainLoss(_filtered(errors, quantile), _filtered(confidence, quantile), shape)


def _filtered(values, quantile) -> float:
    values = [min(max(v, -100), 100) for v in values]
    if len(values) > 1000:
        limit = sorted(values)[round(quantile * (len(values) - 1))]
        below = [v for v in values if v < limit]
        values = below if len(below) > 1000 else values
    return sum(values) / len(values)


def plain_gradient_loss(depth, truth, valid) -> float:
    total = 0.0
    off = depth.double().numpy() - truth.double().numpy()
    for step in (1, 2, 4, 8):
        small, known = off[:, ::step, ::step], valid.numpy()[:, ::step, ::step]
        count, height, width = small.shape
        changes = 0.0
        for n in range(count):
            for y in range(height):
                for x in range(width):
                    for y2, x2 in ((y, x + 1), (y + 1, x)):
                        if y2 < height and x2 < width and known[n, y, x] and known[n, y2, x2]:
                            changes += min(abs(small[n, y2, x2] - small[n, y, x]), 100)
        total += changes / max(known.sum(), 1)
    return float(total / 4)


def plain_normal_loss(points, truth, valid) -> float:
    total = 0.0
    for step in (1, 2, 4):
        ours, theirs = (p.double().numpy()[:, ::step, ::step] for p in (points, truth))
        known = valid.numpy()[:, ::step, ::step]
        found = []
        for n, y, x in np.argwhere(known):
            for (ay, ax), (by, bx) in (((-1, 0), (0, -1)), ((0, -1), (1, 0)), ((1, 0), (0, 1)), ((0, 1), (-1, 0))):
                a, b = (n, y + ay, x + ax), (n, y + by, x + bx)
                if _inside(a, known.shape) and _inside(b, known.shape) and known[a] and known[b]:
                    one, two = (_unit(np.cross(p[a] - p[n, y, x], p[b] - p[n, y, x])) for p in (ours, theirs))
                    found.append(1 - one @ two)
        total += np.mean(found) if len(found) >= 10 else 0
    return float(total / 3)


def _inside(place, shape) -> bool:
    return all(0 <= i < n for i, n in zip(place, shape))


def _unit(vector):
    return vector / max(np.linalg.norm(vector), 1e-8)
