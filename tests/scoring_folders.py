"""Small folders in the layouts of the datasets for scoring, written from what each publishes of its format."""

import json

import cv2
import numpy as np

TUM_CAMERA = np.array([[535.4, 0, 320.6], [0, 539.2, 248.1], [0, 0, 1]])  # the page's, for corner pixels
BONN_CAMERA = np.array([[542.822841, 0, 316.093520], [0, 542.576870, 238.256098], [0, 0, 1]])


def write_png(path, pixels):
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), pixels if pixels.ndim == 2 else pixels[..., ::-1])


def write_sintel(root, sequence, filmed, masks="dynamic_label_perfect"):
    """Sintel's pixels have their centers at whole numbers. As MonST3R's script, no mask of the last frame."""
    for number, frame in enumerate(filmed, 1):
        name = f"frame_{number:04d}"
        write_png(root / "training/final" / sequence / f"{name}.png", frame.image)
        if number < len(filmed):
            write_png(root / "training" / masks / sequence / f"{name}.png", frame.moving.astype(np.uint8) * 255)
        height, width = frame.depth.shape
        depth = root / "training/depth" / sequence / f"{name}.dpt"
        camera = root / "training/camdata_left" / sequence / f"{name}.cam"
        for path in (depth, camera):
            path.parent.mkdir(parents=True, exist_ok=True)
        tag = np.float32(202021.25).tobytes()
        depth.write_bytes(tag + np.int32([width, height]).tobytes() + frame.depth.astype(np.float32).tobytes())
        intrinsics = frame.intrinsics - [[0, 0, 0.5], [0, 0, 0.5], [0, 0, 0]]
        camera.write_bytes(tag + intrinsics.tobytes() + frame.camera_from_world[:3].tobytes())


def write_tum(root, sequence, filmed, start=1000.0):
    """Thirty images a second, of which every third is a filmed frame; poses and depths come a little later.

    Before the first image stands one that no pose is near to.
    """
    folder = root / sequence
    images, depths, poses = ["# color images", f"{start - 9:.6f} rgb/lost.png"], ["# depth maps"], ["# ground truth"]
    for number in range(3 * len(filmed)):
        frame, time = filmed[number // 3], start + number / 30
        images.append(f"{time:.6f} rgb/{time:.6f}.png")
        depths.append(f"{time + 0.011:.6f} depth/{time + 0.011:.6f}.png")
        poses.append(_tum_pose(time + 0.004, np.linalg.inv(frame.camera_from_world)))
        poses.append(_tum_pose(time + 0.014, np.eye(4)))
        if number % 3 == 0:
            write_png(folder / f"rgb/{time:.6f}.png", frame.image)
            write_png(folder / f"depth/{time + 0.011:.6f}.png", np.round(frame.depth * 5000).astype(np.uint16))
    _write_lists(folder, images, depths, poses)


def write_bonn(root, sequence, filmed, before=30):
    """Thirty images that the protocol leaves out, then the film. Poses are of markers, on mixed-up axes.

    The page: T_ros^-1 T T_ros T_m takes the sensor's points into the world, T being the pose of the file. T_m's
    rotation is published with two decimals' worth of care; the folder holds poses that go with the nearest rotation.
    """
    mixed = np.array([[-1.0, 0, 0, 0], [0, 0, 1, 0], [0, 1, 0, 0], [0, 0, 0, 1]])
    markers = np.array([[1.0157, 0.1828, -0.2389, 0.0113], [0.0009, -0.8431, -0.6413, -0.0098],
                        [-0.3009, 0.6147, -0.8085, 0.0111], [0, 0, 0, 1]])  # fmt: skip
    u, _, v = np.linalg.svd(markers[:3, :3])
    markers[:3, :3] = u @ v
    folder = root / sequence
    images, depths, poses = [], [], []
    for number in range(before + len(filmed)):
        time = 2000 + number / 30
        frame = filmed[max(number - before, 0)]
        images.append(f"{time:.5f} rgb/{time:.5f}.png")
        depths.append(f"{time - 0.009:.5f} depth/{time - 0.009:.5f}.png")
        pose = mixed @ np.linalg.inv(frame.camera_from_world) @ np.linalg.inv(mixed @ markers)
        poses += [_tum_pose(time + 0.002, pose), _tum_pose(time + 0.012, np.eye(4))]
        if number >= before:
            write_png(folder / f"rgb/{time:.5f}.png", frame.image)
            write_png(folder / f"depth/{time - 0.009:.5f}.png", np.round(frame.depth * 5000).astype(np.uint16))
    _write_lists(folder, images, depths, poses)


def write_dycheck(root, sequence, filmed):
    """Camera 0 moves; a frame of camera 1, which stands, has no depth."""
    folder = root / sequence
    for number, frame in enumerate(filmed):
        name = f"0_{number:05d}"
        write_png(folder / "rgb/1x" / f"{name}.png", frame.image)
        (folder / "depth/1x").mkdir(parents=True, exist_ok=True)
        np.save(folder / "depth/1x" / f"{name}.npy", frame.depth.astype(np.float32)[..., None])
        rotation = frame.camera_from_world[:3, :3]
        height, width = frame.depth.shape
        camera = {
            "orientation": rotation.tolist(),
            "position": (-rotation.T @ frame.camera_from_world[:3, 3]).tolist(),
            "focal_length": frame.intrinsics[0, 0],
            "principal_point": frame.intrinsics[:2, 2].tolist(),
            "image_size": [width, height],
            "skew": 0.0,
            "pixel_aspect_ratio": frame.intrinsics[1, 1] / frame.intrinsics[0, 0],
            "radial_distortion": [0.0, 0.0, 0.0],
            "tangential_distortion": [0.0, 0.0],
        }
        (folder / "camera").mkdir(parents=True, exist_ok=True)
        (folder / "camera" / f"{name}.json").write_text(json.dumps(camera))
    write_png(folder / "rgb/1x/1_00000.png", filmed[0].image)


def write_kitti(root, drive, filmed, images="raw/{date}/{drive}"):
    """A raw drive begins some frames before the first that has depth; one point in three has a depth."""
    folder = root / images.format(date=drive[:10], drive=drive) / "image_02/data"
    for number, frame in enumerate(filmed, 5):
        write_png(folder / f"{number:010d}.png", frame.image)
        depth = np.round(frame.depth * 256).astype(np.uint16)
        depth[np.indices(depth.shape).sum(0) % 3 > 0] = 0
        write_png(root / "val" / drive / "proj_depth/groundtruth/image_02" / f"{number:010d}.png", depth)
    write_png(folder / "0000000000.png", filmed[0].image)


def write_davis(root, sequence, filmed):
    """Images are jpegs; what moves is white."""
    for number, frame in enumerate(filmed):
        write_png(root / "JPEGImages/480p" / sequence / f"{number:05d}.jpg", frame.image)
        write_png(root / "Annotations/480p" / sequence / f"{number:05d}.png", frame.moving.astype(np.uint8) * 255)


def _tum_pose(time, world_from_camera):
    rotation = world_from_camera[:3, :3]
    vector, _ = cv2.Rodrigues(rotation)
    angle = np.linalg.norm(vector)
    axis = vector.ravel() / angle if angle > 0 else np.zeros(3)
    quaternion = [*(np.sin(angle / 2) * axis), np.cos(angle / 2)]
    return " ".join(f"{value:.9f}" for value in [time, *world_from_camera[:3, 3], *quaternion])


def _write_lists(folder, images, depths, poses):
    for name, lines in (("rgb.txt", images), ("depth.txt", depths), ("groundtruth.txt", poses)):
        (folder / name).write_text("\n".join(lines) + "\n")
