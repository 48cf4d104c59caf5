"""Files in the layout of the published checkpoints, small."""

from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor

from model_server.engines.page4d.network.names import our_name

# A few tensors of every part, by their published names.
SHAPES = {
    "aggregator.camera_token": (1, 2, 1, 8),
    "aggregator.patch_embed.cls_token": (1, 1, 8),
    "aggregator.patch_embed.patch_embed.proj.weight": (8, 3, 14, 14),
    "aggregator.frame_blocks.0.attn.qkv.weight": (24, 8),
    "aggregator.frame_blocks.0.attn.qkv.bias": (24,),
    "aggregator.global_blocks.0.ls1.gamma": (8,),
    "aggregator.spatial_mask_head.head0.0.weight": (8, 1, 3, 3),
    "aggregator.spatial_mask_head.head0.0.bias": (8,),
    "camera_head.pose_branch.fc2.bias": (9,),
    "depth_head.scratch.layer1_rn.weight": (4, 8, 3, 3),
    "point_head.scratch.layer1_rn.weight": (4, 8, 3, 3),
    "track_head.feature_extractor.norm.weight": (16,),
    "track_head.tracker.updateformer.virual_tracks": (1, 8, 1, 16),
}
EXPECTED = {our_name(name): shape for name, shape in SHAPES.items()}
MASK_HEAD, TRACK_HEAD = "aggregator.spatial_mask_head.", "track_head."


def tensors(without: tuple[str, ...] = ()) -> dict[str, Tensor]:
    """Random weights of every part but those whose names start with one of `without`."""
    source = torch.Generator().manual_seed(3)
    return {
        name: torch.randn(shape, generator=source)
        for name, shape in SHAPES.items()
        if not name.startswith(without or "-")
    }


def write_checkpoint(path: Path, weights: object, wrapped: bool = True) -> Path:
    """As the authors' trainer writes it, optimizer and all, or bare."""
    rest = {"prev_epoch": 3, "steps": {"train": 7}, "optimizer": {"state": {0: {"exp_avg": torch.ones(4)}}}}
    torch.save({**rest, "model": weights} if wrapped else weights, path)
    return path


def write_published_safetensors(path: Path, weights: dict[str, Tensor]) -> Path:
    save_file(weights, path, metadata={"format": "pt"})
    return path
