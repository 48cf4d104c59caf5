"""The cameras, refined in a few passes over the camera tokens of all frames (MODEL_SPEC 3.1)."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from model_server.engines.page4d.network.config import ModelConfig
from model_server.engines.page4d.network.layers import Linear, Mlp
from model_server.engines.page4d.network.transformer import Block

POSE_SIZE = 9  # translation 3, quaternion x y z w, field of view: vertical, horizontal
_FIELD_OF_VIEW = 7  # where the fields of view begin
_MODULATED_EPS = 1e-6


class CameraHead(nn.Module):
    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        dim = 2 * config.backbone.dim
        self.refinements = config.camera.refinements
        self.token_norm = nn.LayerNorm(dim)
        self.empty_pose_tokens = nn.Parameter(torch.zeros(1, 1, POSE_SIZE))
        self.embed_pose = Linear(POSE_SIZE, dim)
        self.modulation = Linear(dim, 3 * dim)
        self.trunk = nn.ModuleList(
            Block(dim, config.camera.heads, config.mlp_ratio) for _ in range(config.camera.depth)
        )
        self.trunk_norm = nn.LayerNorm(dim)
        self.pose_branch = Mlp(dim, dim // 2, POSE_SIZE)

    def forward(self, camera_tokens: Tensor) -> Tensor:
        """Camera tokens of the last round (B, S, 2 * dim) to pose encodings (refinements, B, S, 9), best last.

        The quaternion is not normalized. What is fed back is the raw sum: only what leaves has its fields of view
        cut off at 0.
        """
        tokens = self.token_norm(camera_tokens)
        plain = functional.layer_norm(tokens, tokens.shape[-1:], eps=_MODULATED_EPS)
        pose: Tensor | None = None
        poses = []
        for _ in range(self.refinements):
            known = self.empty_pose_tokens.expand(*tokens.shape[:2], -1) if pose is None else pose.detach()
            shift, scale, gate = self.modulation(functional.silu(self.embed_pose(known))).chunk(3, dim=-1)
            x = gate * (plain * (1 + scale) + shift) + tokens
            for block in self.trunk:
                x = block(x)
            change = self.pose_branch(self.trunk_norm(x))
            pose = change if pose is None else pose.detach() + change
            poses.append(torch.cat((pose[..., :_FIELD_OF_VIEW], pose[..., _FIELD_OF_VIEW:].relu()), dim=-1))
        return torch.stack(poses)
