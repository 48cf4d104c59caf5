"""In what precision weights are kept and the transformer computes, for each device."""

from dataclasses import dataclass

import torch

_FIRST_WITH_BF16 = 8  # compute capability of Ampere


@dataclass(frozen=True)
class Precision:
    """Heads, norms and the residual stream compute in float32 always, as in the reference (MODEL_SPEC 3.4)."""

    storage: torch.dtype  # of matrices and kernels; all else is kept in float32
    compute: torch.dtype  # of the transformer's matrix products

    @classmethod
    def full(cls) -> "Precision":
        return cls(torch.float32, torch.float32)

    @classmethod
    def best_for(cls, device: torch.device) -> "Precision":
        """Half the memory everywhere, and half precision where the device is faster in it."""
        if device.type == "cuda":
            has_bf16 = torch.cuda.get_device_capability(device)[0] >= _FIRST_WITH_BF16
            half = torch.bfloat16 if has_bf16 else torch.float16
            return cls(half, half)
        return cls(torch.bfloat16, torch.bfloat16 if _cpu_multiplies_bf16() else torch.float32)

    def autocast(self, device: torch.device) -> torch.autocast:
        """Within it, matrix products of the transformer are computed as this says."""
        enabled = self.compute is not torch.float32
        return torch.autocast(device.type, self.compute if enabled else None, enabled)


def stored_dtype(name: str, dimensions: int, storage: torch.dtype) -> torch.dtype:
    """What the parameter `name`, of that many dimensions, is kept in: only matrices and kernels are large."""
    return storage if dimensions > 1 and name.endswith("weight") else torch.float32


@torch.no_grad()
def store_weights(network: torch.nn.Module, storage: torch.dtype) -> None:
    """Keep the weights of `network` in that precision, one after the other."""
    for name, parameter in network.named_parameters():
        parameter.data = parameter.data.to(stored_dtype(name, parameter.dim(), storage))


def _cpu_multiplies_bf16() -> bool:
    # Without such instructions torch multiplies bfloat16 ten times slower than float32 (benchmarks/RESULTS.md).
    checks = ("_is_avx512_bf16_supported", "_is_amx_tile_supported")
    return any(getattr(torch.cpu, check, lambda: False)() for check in checks)
