"""Small folders in the layouts of the datasets for training, written from what each publishes of its format."""

import gzip
import json

import cv2
import numpy as np
import OpenImageIO as oiio
from scoring_folders import write_png

# Worlds of the datasets with z up, of ours with y down and z forward.
Z_UP_FROM_OURS = np.array([[1.0, 0, 0, 0], [0, 0, 1, 0], [0, -1, 0, 0], [0, 0, 0, 1]])


def write_jpg(path, pixels):
    """As good as jpg gets: full quality, no color at half size."""
    path.parent.mkdir(parents=True, exist_ok=True)
    flags = [cv2.IMWRITE_JPEG_QUALITY, 100, cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444]
    assert cv2.imwrite(str(path), pixels[..., ::-1], flags)


def write_point_odyssey(root, sequence, filmed):
    """Depth 65535 is 1000 m. The file of cameras holds tracks as well, which may need pickle for all that we know."""
    folder = root / sequence
    for number, frame in enumerate(filmed):
        write_jpg(folder / f"rgbs/rgb_{number:05d}.jpg", frame.image)
        depth = np.round(frame.depth / 1000 * 65535).astype(np.uint16)
        depth[0, 0] = 65535
        write_png(folder / f"depths/depth_{number:05d}.png", depth)
    np.savez(
        folder / "anno.npz",
        trajs_3d=np.zeros((len(filmed), 3, 3), np.float32),
        intrinsics=np.stack([frame.intrinsics for frame in filmed]).astype(np.float32),
        extrinsics=np.stack([frame.camera_from_world for frame in filmed]),
    )


def write_dynamic_replica(root, films):
    """`films` by (sequence, eye)."""
    entries = []
    for (sequence, eye), filmed in films.items():
        name = f"{sequence}_source_{eye}"
        for number, frame in enumerate(filmed):
            image, depth = f"{name}/images/{name}-{number:04d}.png", f"{name}/depths/{name}_{number:04d}.geometric.png"
            write_png(root / image, frame.image)
            write_png(root / depth, _half_float_bits(frame.depth))
            entries.append(_annotation(sequence, number, frame, image, {"path": depth, "scale_adjustment": 1.0}, eye))
    _write_annotations(root / "frame_annotations_train.jgz", entries[::-1])


def write_co3d(root, category, films, form="ndc_isotropic", scale=0.37):
    """`films` by sequence. Depths are stored in another unit than the cameras; masks leave the first row out."""
    entries = []
    for sequence, filmed in films.items():
        for number, frame in enumerate(filmed, 1):
            name, folder = f"frame{number:06d}", f"{category}/{sequence}"
            depth = {
                "path": f"{folder}/depths/{name}.jpg.geometric.png",
                "mask_path": f"{folder}/depth_masks/{name}.png",
                "scale_adjustment": scale,
            }
            write_jpg(root / f"{folder}/images/{name}.jpg", frame.image)
            write_png(root / depth["path"], _half_float_bits(frame.depth / scale))
            mask = np.full(frame.depth.shape, 255, np.uint8)
            mask[0] = 0
            write_png(root / depth["mask_path"], mask)
            entries.append(
                _annotation(sequence, number, frame, f"{folder}/images/{name}.jpg", depth, camera=None, form=form)
            )
    _write_annotations(root / category / "frame_annotations.jgz", entries)


def write_kubric(root, scene, filmed):
    """Distances in float tiffs. Cameras look along -z, y up, in a world with z up; quaternions are w, x, y, z."""
    folder, positions, quaternions = root / scene, [], []
    for number, frame in enumerate(filmed):
        height, width = frame.depth.shape
        write_png(folder / f"rgba_{number:05d}.png", frame.image)
        x, y = np.meshgrid(np.arange(width) + 0.5, np.arange(height) + 0.5)
        rays = np.stack([x, y, np.ones_like(x)], -1) @ np.linalg.inv(frame.intrinsics).T
        _write_floats(folder / f"depth_{number:05d}.tiff", np.linalg.norm(rays * frame.depth[..., None], axis=-1))
        world_from_blender = Z_UP_FROM_OURS @ np.linalg.inv(frame.camera_from_world) @ np.diag([1.0, -1, -1, 1])
        positions.append(world_from_blender[:3, 3].tolist())
        vector = cv2.Rodrigues(world_from_blender[:3, :3])[0].ravel()
        angle = np.linalg.norm(vector)
        quaternions.append([np.cos(angle / 2), *(np.sin(angle / 2) * vector / angle)])
        field_of_view = 2 * np.arctan(width / 2 / frame.intrinsics[0, 0])
    camera = {"positions": positions, "quaternions": quaternions, "field_of_view": field_of_view,
              "focal_length": 35.0, "sensor_width": 70 * np.tan(field_of_view / 2)}  # fmt: skip
    (folder / "metadata.json").write_text(json.dumps({"camera": camera, "instances": [], "metadata": {}}))


def write_spring(root, scene, left, right):
    """Disparities in pixels of the image, on a grid of twice its size; the cameras are those of the left eye."""
    import h5py

    folder = root / scene
    for eye, filmed in (("left", left), ("right", right)):
        for number, frame in enumerate(filmed, 1):
            write_png(folder / f"frame_{eye}/frame_{eye}_{number:04d}.png", frame.image)
            path = folder / f"disp1_{eye}/disp1_{eye}_{number:04d}.dsp5"
            path.parent.mkdir(parents=True, exist_ok=True)
            disparity = (frame.intrinsics[0, 0] * 0.065 / frame.depth).astype(np.float32)
            disparity[0, 0], disparity[0, 1] = np.nan, 0
            with h5py.File(path, "w") as stored:
                large = disparity.repeat(2, axis=0).repeat(2, axis=1)
                stored.create_dataset("disparity", data=large, compression="gzip", compression_opts=5)
    (folder / "cam_data").mkdir()
    lenses = [frame.intrinsics[[0, 1, 0, 1], [0, 1, 2, 2]] for frame in left]
    np.savetxt(folder / "cam_data/intrinsics.txt", lenses, fmt="%.10g")
    np.savetxt(folder / "cam_data/extrinsics.txt", [frame.camera_from_world.ravel() for frame in left], fmt="%.10g")


def write_waymo(root, segment, filmed):
    """What the script of DUSt3R makes of Waymo: its cameras have x forward, y left, z up, as its cars and its world."""
    folder = root / f"{segment}.tfrecord"
    ours_from_waymo = np.array([[0.0, -1, 0, 0], [0, 0, -1, 0], [1, 0, 0, 0], [0, 0, 0, 1]])
    car_from_camera = np.eye(4)
    car_from_camera[:3, 3] = [1.5, 0.1, 2.1]
    for number, frame in enumerate(filmed):
        stem = folder / f"{number:05d}_1"
        write_jpg(stem.with_suffix(".jpg"), frame.image)
        depth = frame.depth.copy()
        depth[np.random.default_rng(number).random(depth.shape) < 0.6] = 0
        _write_floats(stem.with_suffix(".exr"), depth)
        waymo_world_from_camera = Z_UP_FROM_OURS @ np.linalg.inv(frame.camera_from_world) @ ours_from_waymo
        world_from_car = waymo_world_from_camera @ np.linalg.inv(car_from_camera)
        np.savez(
            stem.with_suffix(".npz"),
            intrinsics=frame.intrinsics - [[0, 0, 0.5], [0, 0, 0.5], [0, 0, 0]],
            cam2world=world_from_car @ car_from_camera @ np.linalg.inv(ours_from_waymo),
            distortion=np.zeros(5),
        )
        write_jpg(folder / f"{number:05d}_3.jpg", frame.image)  # another camera, which is not read


def _annotation(sequence, number, frame, image, depth, camera, form="ndc_isotropic"):
    """PyTorch3D: rows of world points times R plus T, x left, y up; the image's middle is 0, left and up positive."""
    height, width = frame.depth.shape
    flip = np.diag([-1.0, -1, 1])
    rotation, translation = frame.camera_from_world[:3, :3].T @ flip, flip @ frame.camera_from_world[:3, 3]
    half = np.array([width, height]) / 2
    unit = half if form == "ndc_norm_image_bounds" else min(half)
    focal, center = frame.intrinsics[[0, 1], [0, 1]] / unit, (half - frame.intrinsics[:2, 2]) / unit
    point = np.array([0.3, -0.2, 4.0])  # the definition and the film put it on the same pixel
    in_camera = point @ rotation + translation
    pixel = half - unit * (focal * in_camera[:2] / in_camera[2] + center)
    on_film = frame.intrinsics @ (frame.camera_from_world @ [*point, 1])[:3]
    np.testing.assert_allclose(pixel, on_film[:2] / on_film[2], atol=1e-9)
    return {
        "sequence_name": sequence,
        "frame_number": number,
        "frame_timestamp": number / 30,
        **({"camera_name": camera} if camera else {}),
        "image": {"path": image, "size": [height, width]},
        "depth": depth,
        "viewpoint": {"R": rotation.tolist(), "T": translation.tolist(), "focal_length": focal.tolist(),
                      "principal_point": center.tolist(), "intrinsics_format": form},
    }  # fmt: skip


def _write_annotations(path, entries):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(json.dumps(entries).encode()))


def _half_float_bits(depth):
    return np.ascontiguousarray(depth.astype(np.float16)).view(np.uint16)


def _write_floats(path, pixels):
    path.parent.mkdir(parents=True, exist_ok=True)
    height, width = pixels.shape
    output = oiio.ImageOutput.create(str(path))
    assert output.open(str(path), oiio.ImageSpec(width, height, 1, "float"))
    assert output.write_image(np.ascontiguousarray(pixels, np.float32)[..., None])
    output.close()
