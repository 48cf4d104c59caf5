"""Make the demo's plate: real handheld footage with people rendered into it, and the truth about both.

    .venv/bin/python demo/make_plate/make.py [--keep FOLDER]

Needs `PAGE4D_SHARED` (the folder that holds footage/hololens_office) and `.venv-bpy-4.5` beside `.venv`. Takes about
a quarter of an hour on two cores, nearly all of it Cycles. Writes demo/footage. With --keep the renders stay in FOLDER,
and are not made again.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
from cameras import PIXEL_CENTER, refine_cameras
from composite import composite, measured_grain, read_rendered, surface_depth
from place import FRAMES_PER_SECOND, floor_from_world, walkers
from rich.progress import Progress, track

REPOSITORY = Path(__file__).resolve().parents[2]
BPY_PYTHON = REPOSITORY / ".venv-bpy-4.5" / "bin" / "python"
SOURCE = "footage/hololens_office"
FLAT_WALL = (slice(0, 90), slice(300, 520))  # rows, columns of plain wall in the first frames
QUALITY_CRF = 14


def make_plate(source: Path, out: Path, scratch: Path) -> None:
    """Write office_walk.mp4 and truth/ into `out`."""
    meta = json.loads((source / "meta.json").read_text())
    frames, depths = sorted((source / "frames").iterdir()), sorted((source / "depth").iterdir())
    intrinsics = np.array(meta["K"])
    poses = _refined(source / "frames", intrinsics, np.array(meta["cam_from_world"]), scratch)
    depth_maps = [cv2.imread(str(path), cv2.IMREAD_UNCHANGED) * meta["depth_scale"] for path in depths]
    cam_from_floor = poses @ np.linalg.inv(floor_from_world(depth_maps[::3], intrinsics, poses[::3]))
    _render(intrinsics, cam_from_floor, (meta["width"], meta["height"]), scratch)

    rays = _rays(intrinsics, meta["width"], meta["height"])
    plates = [cv2.imread(str(path)) for path in frames]
    grain = float(np.median([measured_grain(plate, FLAT_WALL) for plate in plates[:6]]))
    random = np.random.default_rng(4)
    images, layers = [], []
    for index, plate in track(list(enumerate(plates)), description="composite"):
        floor_from_cam = np.linalg.inv(cam_from_floor[index])
        center, turned = floor_from_cam[:3, 3], rays @ floor_from_cam[:3, :3].T
        down = np.minimum(turned[..., 2], -1e-9)
        floor = np.where(turned[..., 2] < -1e-6, -center[2] / down, np.inf)
        surface = surface_depth(plate, depth_maps[index], floor, (center, turned))
        rendered = read_rendered(scratch / "exr" / f"{index:04d}.exr")
        result = composite(plate, surface, floor, rendered, grain, random)
        images.append(result.image)
        layers.append(result.layers)
    out.mkdir(parents=True, exist_ok=True)
    _write_movie(out / "office_walk.mp4", images)
    _write_truth(out / "truth", meta, cam_from_floor, layers)


def _refined(frames: Path, intrinsics: np.ndarray, given: np.ndarray, scratch: Path) -> np.ndarray:
    kept = scratch / "cam_from_world.npy"
    if not kept.exists():
        np.save(kept, refine_cameras(frames, intrinsics, given, scratch))
    return np.load(kept, allow_pickle=False)


def _render(intrinsics: np.ndarray, cam_from_floor: np.ndarray, size: tuple[int, int], scratch: Path) -> None:
    """Let bpy render what is not there yet."""
    renders = scratch / "exr"
    renders.mkdir(exist_ok=True)
    if len(list(renders.glob("*.exr"))) == len(cam_from_floor):
        return
    scene = scratch / "scene.json"
    from_corner = intrinsics.copy()
    from_corner[:2, 2] += PIXEL_CENTER
    scene.write_text(
        json.dumps({"size": size, "intrinsics": from_corner.tolist(), "cam_from_floor": cam_from_floor.tolist()})
    )
    log = scratch / "render.log"
    command = [BPY_PYTHON, Path(__file__).with_name("render.py"), scene, renders]
    with Progress() as progress, log.open("w") as output:
        task = progress.add_task("render", total=len(cam_from_floor))
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT)
        while process.poll() is None:
            progress.update(task, completed=len(list(renders.glob("*.exr"))))
            time.sleep(1)
    if process.returncode:
        sys.exit(f"rendering failed: {log.read_text().splitlines()[-1]}")


def _rays(intrinsics: np.ndarray, width: int, height: int) -> np.ndarray:
    """(H, W, 3) viewing directions of depth 1, camera axes."""
    columns, rows = np.meshgrid(np.arange(width), np.arange(height))
    x = (columns - intrinsics[0, 2]) / intrinsics[0, 0]
    y = (rows - intrinsics[1, 2]) / intrinsics[1, 1]
    return np.stack([x, y, np.ones_like(x)], axis=2)


def _write_movie(path: Path, images: list[np.ndarray]) -> None:
    height, width = images[0].shape[:2]
    with av.open(str(path), "w") as movie:
        stream = movie.add_stream("libx264", rate=Fraction(FRAMES_PER_SECOND))
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        stream.options = {"crf": str(QUALITY_CRF), "preset": "veryslow"}
        for image in images:
            movie.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="bgr24")))
        movie.mux(stream.encode())


def _write_truth(folder: Path, meta: dict, cam_from_floor: np.ndarray, layers: list[np.ndarray]) -> None:
    """The layout that shared/footage/load.py reads, less the frames: those are the movie's."""
    for kind in ("masks", "layers"):
        (folder / kind).mkdir(parents=True, exist_ok=True)
    for index, seen in enumerate(layers):
        cv2.imwrite(
            str(folder / "masks" / f"{index + 1:04d}.png"), (seen > 0) * np.uint8(255), [cv2.IMWRITE_PNG_BILEVEL, 1]
        )
        cv2.imwrite(str(folder / "layers" / f"{index + 1:04d}.png"), seen, [cv2.IMWRITE_PNG_COMPRESSION, 9])
    truth = {
        "kind": "real footage with rendered people",
        "width": meta["width"],
        "height": meta["height"],
        "fps": FRAMES_PER_SECOND,
        "K": meta["K"],
        "cam_from_world": np.round(cam_from_floor, 7).tolist(),
        "metric": True,
        "pose_source": "HoloLens tracking, refined by bundle adjustment; world = floor, z up, meters",
        "people": [
            {"layer": index, "name": walker.name, "frames": [walker.first_frame, walker.last_frame]}
            for index, walker in enumerate(walkers(), start=1)
        ],
        "licence": "see ../LICENSE.md",
        "redistributable": True,
        "repo": meta["repo"],
        "path": meta["path"],
        "commit": meta["commit"],
        "note": "pixels counted from pixel centers; shadows of the people are not in the masks",
    }
    (folder / "meta.json").write_text(json.dumps(truth, indent=1))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Make the demo's plate.")
    parser.add_argument("--keep", type=Path, help="keep cameras and renders in this folder, and use those in it")
    wanted = parser.parse_args()
    if "PAGE4D_SHARED" not in os.environ:
        sys.exit("PAGE4D_SHARED is not set; set it to the folder that holds footage/hololens_office")
    with tempfile.TemporaryDirectory() as fresh:
        kept = wanted.keep or Path(fresh)
        kept.mkdir(parents=True, exist_ok=True)
        make_plate(Path(os.environ["PAGE4D_SHARED"]) / SOURCE, REPOSITORY / "demo" / "footage", kept)
