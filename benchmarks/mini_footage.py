"""What a small network says of cameras of footage with truth, before anything is solved.

    python benchmarks/mini_footage.py FILE.safetensors [--frames 8]

FILE is what a training run has exported. Each shot of the shared footage (PAGE4D_SHARED, default ../shared) is looked
at in windows that overlap by half. Printed, over all windows: how the turns of later frames against the first one
correlate with the true ones (up and down, aside, around the view), how far off they are in the mean, how far a camera
that stands is off, and the mean focal length in picture widths.
"""

import argparse
import os
import sys
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from scipy.spatial.transform import Rotation

from model_server.engines.page4d.mini_engine import shrunk
from model_server.engines.page4d.network.network import Head
from model_server.engines.page4d.pose_encoding import decode_cameras
from model_server.geometry.shot import Array
from model_server.scoring.network_file import FileNetwork, network_of_file

SHARED = Path(os.environ.get("PAGE4D_SHARED", Path(__file__).resolve().parents[2] / "shared"))
SHOTS = "room_7 street_1 pan_2 zoom_9 hololens_office 7scenes_kitchen semi_kitchen_dog fox".split()


def main() -> None:
    """Print a row for each shot."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("weights", type=Path, metavar="FILE")
    parser.add_argument("--frames", type=int, default=8, help="of a window")
    asked = parser.parse_args()
    sys.path.insert(0, str(SHARED / "footage"))
    from load import load  # the footage's own reader

    network = network_of_file(asked.weights)
    print("| shot | correlation of turns | off by, deg | that stands, deg | focal / width | truly |")
    print("| --- | --- | --- | --- | --- | --- |")
    for name in SHOTS:
        shot = load(SHARED / "footage" / name)
        turns, focal = seen(network, pictures(shot.frames), asked.frames)
        true = np.concatenate([turns_of(shot.cam_from_world[of]) for of in windows(len(shot), asked.frames)])
        alike = " ".join(f"{np.corrcoef(turns[:, axis], true[:, axis])[0, 1]:.2f}" for axis in range(3))
        off, stands = (np.degrees(np.linalg.norm(turn, axis=1).mean()) for turn in (turns - true, true))
        lenses = shot.K[None] if shot.K_per_frame is None else np.asarray(shot.K_per_frame)
        truly = lenses[:, 0, 0].mean() / shot.size[0]
        print(f"| {name} | {alike} | {off:.2f} | {stands:.2f} | {focal:.2f} | {truly:.2f} |", flush=True)


def seen(network: FileNetwork, images: Array, length: int) -> tuple[Array, float]:
    """Of all windows of (F, H, W, 3) pictures: later frames' turns (N, 3), and the focal length in picture widths."""
    height, width = images.shape[1:3]
    batch = torch.from_numpy(images).permute(0, 3, 1, 2).float() / 255
    turns, focals = [], []
    for of in windows(len(images), length):
        with torch.no_grad():
            poses = network.network(batch[of][None], network.strength, (Head.CAMERA,)).poses
        extrinsics, intrinsics = decode_cameras(poses[-1, 0].double().numpy(), width, height)
        turns.append(turns_of(extrinsics))
        focals.append(intrinsics[:, 0, 0] / width)
    return np.concatenate(turns), float(np.mean(focals))


def turns_of(camera_from_world: Array) -> Array:
    """(S - 1, 3) rotation vectors, radians, of frames after the first against it; of (S, 3 or 4, 4) extrinsics."""
    rotations = Rotation.from_matrix(camera_from_world[:, :3, :3])
    turns: Array = (rotations[1:] * rotations[0].inv()).as_rotvec()
    return turns


def windows(frames: int, length: int) -> list[slice]:
    """Windows of a shot, half of each shared with the next; what is left over at the end is left out."""
    return [slice(first, first + length) for first in range(0, frames - length + 1, max(1, length // 2))]


def pictures(files: list[Any]) -> Array:
    """(F, H, W, 3) uint8 at the size that the network sees."""
    images = np.stack([cv2.imread(str(file))[..., ::-1] for file in files])
    return shrunk(images, lambda done: None)


if __name__ == "__main__":
    main()
