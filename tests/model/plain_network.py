"""The network once more, the plain way: as MODEL_SPEC says it, with nothing saved, on the weights of ours.

Slow and large: every round's output is kept, the mask is a whole N x N matrix, heads see 8 frames at a time. With
torch's own operations (`TORCH`), as the official code has them, it is what `benchmarks/model.py` holds ours against on
the machine at hand, for the official code is not here.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as f

FRAMES_AT_ONCE = 8


def plain_forward(network, images: Tensor, strength: float, ops: "Operations | None" = None) -> dict[str, Tensor]:
    """images (B, S, 3, H, W) to poses (refinements, B, S, 9), depth, points and their confidences, keys."""
    ops = ops or PLAIN
    config, weights = network.config, {k: v.float() for k, v in network.named_parameters()}
    batch, frames, _, height, width = images.shape
    rows, columns = height // config.patch, width // config.patch
    patches = _backbone(weights, config, images.flatten(0, 1), ops)
    outputs, keys = _aggregate(weights, config, patches, batch, frames, rows, columns, strength, ops)
    result = {"poses": _poses(weights, config, outputs[-1][:, :, 0], ops)}
    levels = [outputs[index].flatten(0, 1) for index in config.dense.rounds]
    for name in ("depth", "points"):
        chunks = zip(*(level.split(FRAMES_AT_ONCE) for level in levels))
        raw = torch.cat([_dense(weights, ops, f"{name}_head.", config, list(chunk), rows, columns) for chunk in chunks])
        raw = raw.unflatten(0, (batch, frames))
        values, certainty = raw[:, :, :-1], raw[:, :, -1]
        flat = values.movedim(2, -1)
        result[name] = flat[..., 0].exp() if name == "depth" else flat.sign() * (flat.abs().exp() - 1)
        result[f"{name}_confidence"] = 1 + certainty.exp()
    return result | ({} if keys is None else {"keys": keys})


def _backbone(w, config, images, ops):
    mean, std = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    x = (images - mean[:, None, None]) / std[:, None, None]
    x = f.conv2d(x, w["backbone.patch_projection.weight"], w["backbone.patch_projection.bias"], config.patch)
    rows, columns = x.shape[2:]
    x = x.flatten(2).transpose(1, 2)
    stored, grid = w["backbone.position_embedding"], config.backbone.grid
    if (rows, columns) != (grid, grid):
        square = stored[:, 1:].reshape(1, grid, grid, -1).permute(0, 3, 1, 2)
        square = f.interpolate(square, (rows, columns), mode="bicubic", antialias=True)
        stored = torch.cat((stored[:, :1], square.permute(0, 2, 3, 1).flatten(1, 2)), 1)
    x = torch.cat((w["backbone.cls_token"].expand(len(x), -1, -1), x), 1) + stored
    x = torch.cat((x[:, :1], w["backbone.register_tokens"].expand(len(x), -1, -1), x[:, 1:]), 1)
    for index in range(config.backbone.depth):
        x = _block(w, f"backbone.blocks.{index}.", x, config.backbone.heads, ops, eps=1e-6)
    return ops.norm(w, "backbone.norm.", x, 1e-6)[:, 1 + config.backbone.registers :]


def _aggregate(w, config, patches, batch, frames, rows, columns, strength, ops):
    special = 1 + config.aggregator.registers
    tokens = torch.cat((w["aggregator.camera_token"], w["aggregator.register_token"]), 2)[0]
    own = torch.stack([tokens[0 if frame == 0 else 1] for _ in range(batch) for frame in range(frames)])
    x = torch.cat((own, patches), 1)
    count = x.shape[1]
    places = [(0, 0)] * special + [(r + 1, c + 1) for r in range(rows) for c in range(columns)]
    positions = torch.tensor(places, dtype=torch.float32)
    outputs, keys, bias = [], None, None
    for index in range(config.aggregator.rounds):
        turn = (positions, config.aggregator.rope_base)
        x = _block(w, f"aggregator.frame_blocks.{index}.", x, config.aggregator.heads, ops, turn=turn)
        if strength and index == config.mask.source_round:
            keys = _keys(w, ops, x[:, special:], rows, columns)
            key = torch.cat((torch.zeros(batch * frames, special), keys.flatten(1)), 1).reshape(batch, -1)
            row = torch.zeros(batch * frames, count)
            row[:, :special] = strength
            bias = (row.reshape(batch, -1, 1) * key[:, None])[:, None]
        in_frame = x
        masked = bias if config.mask.first_round <= index < config.mask.stop_round else None
        turn = (positions.repeat(frames, 1), config.aggregator.rope_base)
        x = x.reshape(batch, frames * count, -1)
        x = _block(w, f"aggregator.global_blocks.{index}.", x, config.aggregator.heads, ops, turn=turn, bias=masked)
        x = x.reshape(batch * frames, count, -1)
        outputs.append(torch.cat((in_frame, x), -1).reshape(batch, frames, count, -1))
    return outputs, None if keys is None else keys.reshape(batch, frames, rows, columns)


def _keys(w, ops, patches, rows, columns):
    pictures = patches.transpose(1, 2).reshape(len(patches), -1, rows, columns)
    z = (pictures - pictures.mean((2, 3), keepdim=True)) / pictures.std((2, 3), keepdim=True).clamp(min=1e-6)
    p = "aggregator.mask_head."
    x = f.conv2d(z, w[p + "depthwise.weight"], w[p + "depthwise.bias"], padding=1, groups=z.shape[1])
    x = f.conv2d(ops.gelu(x), w[p + "mix.weight"], w[p + "mix.bias"])
    x = f.conv2d(ops.gelu(x), w[p + "score.weight"], w[p + "score.bias"])
    return torch.sigmoid(x[:, 0] + z.mean(1)) - 0.5


def _poses(w, config, tokens, ops):
    p = "camera_head."
    t = ops.norm(w, p + "token_norm.", tokens)
    raw, emitted = w[p + "empty_pose_tokens"].expand(*t.shape[:2], -1), []
    for index in range(config.camera.refinements):
        u = f.linear(raw, w[p + "embed_pose.weight"], w[p + "embed_pose.bias"])
        m = f.linear(u * torch.sigmoid(u), w[p + "modulation.weight"], w[p + "modulation.bias"])
        shift, scale, gate = m.chunk(3, -1)
        plain = (t - t.mean(-1, keepdim=True)) / (t.var(-1, unbiased=False, keepdim=True) + 1e-6).sqrt()
        x = gate * (plain * (1 + scale) + shift) + t
        for block in range(config.camera.depth):
            x = _block(w, f"{p}trunk.{block}.", x, config.camera.heads, ops)
        delta = _mlp(w, ops, p + "pose_branch.", ops.norm(w, p + "trunk_norm.", x))
        raw = delta if index == 0 else raw + delta
        emitted.append(torch.cat((raw[..., :7], raw[..., 7:].clamp(min=0)), -1))
    return torch.stack(emitted)


def _dense(w, ops, prefix, config, levels, rows, columns):
    p, aspect, maps = prefix + "features.", columns / rows, []
    for index, level in enumerate(levels):
        x = ops.norm(w, p + "norm.", level[:, 1 + config.aggregator.registers :])
        x = x.transpose(1, 2).reshape(len(x), -1, rows, columns)
        x = _conv(w, f"{p}projects.{index}.", x)
        x = x + _places(*x.shape[1:], aspect)
        weight, bias = (w.get(f"{p}resize_layers.{index}.{leaf}") for leaf in ("weight", "bias"))
        if index < 2:
            x = f.conv_transpose2d(x, weight, bias, stride=4 if index == 0 else 2)
        elif index == 3:
            x = f.conv2d(x, weight, bias, stride=2, padding=1)
        maps.append(f.conv2d(x, w[f"{p}reduce.{index}.weight"], padding=1))
    x = None
    for index in (3, 2, 1, 0):
        y = maps[index] if x is None else x + _unit(w, f"{p}fusions.{index}.skip_unit.", maps[index])
        y = _unit(w, f"{p}fusions.{index}.unit.", y)
        size = maps[index - 1].shape[2:] if index else [2 * side for side in y.shape[2:]]
        x = _conv(w, f"{p}fusions.{index}.out_conv.", _resized(y, size))
    x = _resized(_conv(w, p + "output.", x, 1), (config.patch * rows, config.patch * columns))
    x = x + _places(*x.shape[1:], aspect)
    return _conv(w, prefix + "predict.", _conv(w, prefix + "refine.", x, 1).relu())


def _unit(w, p, x):
    return _conv(w, p + "conv2.", _conv(w, p + "conv1.", x.relu(), 1).relu(), 1) + x.relu()


def _places(channels, height, width, aspect):
    """The position embedding of MODEL_SPEC 3.2, cell by cell: (channels, height, width)."""

    def one(count, span):
        p = torch.linspace(-span * (count - 1) / count, span * (count - 1) / count, count).double()
        quarter = channels // 4
        omega = torch.tensor([100 ** -(i / quarter) for i in range(quarter)], dtype=torch.float64)
        return torch.cat(((p[:, None] * omega).sin(), (p[:, None] * omega).cos()), 1).float().T

    long = math.sqrt(aspect**2 + 1)
    u, v = one(width, aspect / long), one(height, 1 / long)
    return 0.1 * torch.cat((u[:, None].expand(-1, height, -1), v[:, :, None].expand(-1, -1, width)))


def _block(w, p, x, heads, ops, eps=1e-5, turn=None, bias=None):
    x = x + w[p + "ls1.gamma"] * _attention(w, p + "attn.", ops.norm(w, p + "norm1.", x, eps), heads, ops, turn, bias)
    return x + w[p + "ls2.gamma"] * _mlp(w, ops, p + "mlp.", ops.norm(w, p + "norm2.", x, eps))


def _attention(w, p, x, heads, ops, turn, bias):
    batch, count, dim = x.shape
    qkv = f.linear(x, w[p + "qkv.weight"], w[p + "qkv.bias"]).reshape(batch, count, 3, heads, dim // heads)
    q, k, v = qkv.permute(2, 0, 3, 1, 4)
    if p + "q_norm.weight" in w:
        q, k = ops.norm(w, p + "q_norm.", q), ops.norm(w, p + "k_norm.", k)
    if turn is not None:
        q, k = ops.turned(q, *turn), ops.turned(k, *turn)
    x = ops.attend(q, k, v, bias).transpose(1, 2).reshape(batch, count, dim)
    return f.linear(x, w[p + "proj.weight"], w[p + "proj.bias"])


def _attend(q, k, v, bias=None):
    scores = q @ k.transpose(-1, -2) / math.sqrt(q.shape[-1])
    return torch.softmax(scores if bias is None else scores + bias, -1) @ v


def _turned(x, positions, base):
    """Pairs (j, j + quarter) of each half of the channels, turned by the row, then by the column."""
    quarter, out = x.shape[-1] // 4, x.clone()
    for axis in range(2):
        for j in range(quarter):
            angle = positions[:, axis] * base ** (-j / quarter)
            first, second = 2 * axis * quarter + j, (2 * axis + 1) * quarter + j
            a, b = x[..., first], x[..., second]
            out[..., first] = a * angle.cos() - b * angle.sin()
            out[..., second] = b * angle.cos() + a * angle.sin()
    return out


def _mlp(w, ops, p, x):
    return f.linear(
        ops.gelu(f.linear(x, w[p + "fc1.weight"], w[p + "fc1.bias"])), w[p + "fc2.weight"], w[p + "fc2.bias"]
    )


def _gelu(x):
    return 0.5 * x * (1 + torch.erf(x / math.sqrt(2)))


def _norm(w, p, x, eps=1e-5):
    normalized = (x - x.mean(-1, keepdim=True)) / (x.var(-1, unbiased=False, keepdim=True) + eps).sqrt()
    return normalized * w[p + "weight"] + w[p + "bias"]


def _conv(w, p, x, padding=0):
    return f.conv2d(x, w[p + "weight"], w[p + "bias"], padding=padding)


def _resized(x, size):
    return f.interpolate(x, tuple(size), mode="bilinear", align_corners=True)


def _torch_norm(w, p, x, eps=1e-5):
    return f.layer_norm(x, x.shape[-1:], w[p + "weight"], w[p + "bias"], eps)


def _torch_turned(x, positions, base):
    quarter = x.shape[-1] // 4
    angles = positions[:, :, None] * base ** -(torch.arange(quarter) / quarter)
    parts = []
    for half, angle in zip(x.chunk(2, -1), (torch.cat((a, a), -1) for a in angles.unbind(1))):
        a, b = half.chunk(2, -1)
        parts.append(half * angle.cos() + torch.cat((-b, a), -1) * angle.sin())
    return torch.cat(parts, -1)


@dataclass(frozen=True)
class Operations:
    attend: Callable
    gelu: Callable
    norm: Callable
    turned: Callable


PLAIN = Operations(_attend, _gelu, _norm, _turned)
TORCH = Operations(f.scaled_dot_product_attention, f.gelu, _torch_norm, _torch_turned)
