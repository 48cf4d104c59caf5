"""The transformer block that backbone, aggregator and camera head are made of."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.checkpoint import checkpoint

from model_server.engines.page4d.network.layers import LayerScale, Linear, Mlp
from model_server.engines.page4d.network.rope import Rotation


@dataclass(frozen=True)
class RowBias:
    """What the mask adds to the attention of a few rows; all other rows stay as they are."""

    rows: Tensor  # (R,) int64: tokens whose attention is biased, the same for every sample
    bias: Tensor  # (B, N): added to the logit of each key


class Attention(nn.Module):
    """Multi-head self-attention; query and key may be normalized and turned."""

    def __init__(self, dim: int, heads: int, normalize: bool) -> None:
        super().__init__()
        self.heads = heads
        self.qkv = Linear(dim, 3 * dim)
        self.proj = Linear(dim, dim)
        self.q_norm = nn.LayerNorm(dim // heads) if normalize else nn.Identity()
        self.k_norm = nn.LayerNorm(dim // heads) if normalize else nn.Identity()

    def forward(self, x: Tensor, rotation: Rotation | None = None, bias: RowBias | None = None) -> Tensor:
        """x (B, N, dim) to (B, N, dim)."""
        batch, count, dim = x.shape
        q, k, v = self.qkv(x).view(batch, count, 3, self.heads, dim // self.heads).unbind(2)
        q, k = self.q_norm(q), self.k_norm(k)
        if rotation is not None:
            q, k = rotation(q), rotation(k)
        q, k, v = (part.to(v.dtype).transpose(1, 2) for part in (q, k, v))
        attended = _attended(q, k, v)
        if bias is not None:
            attended = attended.contiguous()
            mask = bias.bias[:, None, None].to(q.dtype).expand(-1, 1, len(bias.rows), -1)
            rows = _attended(q[:, :, bias.rows], k, v, mask)
            # Where gradients are wanted, those of `attended` need it as it is.
            put = attended.index_copy if attended.requires_grad else attended.index_copy_
            attended = put(2, bias.rows, rows)
        return self.proj(attended.transpose(1, 2).reshape(batch, count, dim))


class Block(nn.Module):
    """Pre-norm block with LayerScale: attention, then the MLP."""

    def __init__(self, dim: int, heads: int, mlp_ratio: int, eps: float = 1e-5, normalize: bool = False) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(dim, eps=eps)
        self.attn = Attention(dim, heads, normalize)
        self.ls1 = LayerScale(dim)
        self.norm2 = nn.LayerNorm(dim, eps=eps)
        self.mlp = Mlp(dim, mlp_ratio * dim)
        self.ls2 = LayerScale(dim)
        self.recompute = False  # forget what is inside after the forward pass, and work it out again for gradients

    def forward(self, x: Tensor, rotation: Rotation | None = None, bias: RowBias | None = None) -> Tensor:
        """x (B, N, dim) to (B, N, dim)."""
        if self.recompute and torch.is_grad_enabled():
            return checkpoint(self._compute, x, rotation, bias, use_reentrant=False, preserve_rng_state=False)
        return self._compute(x, rotation, bias)

    def _compute(self, x: Tensor, rotation: Rotation | None, bias: RowBias | None) -> Tensor:
        x = torch.addcmul(x, self.attn(self.norm1(x), rotation, bias), self.ls1.gamma)
        return torch.addcmul(x, self.mlp(self.norm2(x)), self.ls2.gamma)


def _attended(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None = None) -> Tensor:
    """Softmax attention (B, heads, N, width), `mask` added to the logits; torch's fused kernel, but where it is slow.

    Going back through it on a CPU takes three times what the same in plain products takes (benchmarks/RESULTS.md).
    """
    if q.device.type != "cpu" or not (torch.is_grad_enabled() and q.requires_grad):
        return functional.scaled_dot_product_attention(q, k, v, attn_mask=mask)
    logits = q * q.shape[-1] ** -0.5 @ k.transpose(-2, -1)
    return (logits if mask is None else logits + mask).softmax(-1).to(v.dtype) @ v
