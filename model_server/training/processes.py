"""One process or several, each with its part of the batch (torchrun; DDP or FSDP)."""

import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, distributed, nn
from torch.distributed.fsdp import FSDPModule, fully_shard
from torch.distributed.tensor import DTensor, distribute_tensor
from torch.nn.parallel import DistributedDataParallel

from model_server.engines.page4d.network.network import Page4DNetwork
from model_server.errors import BadInput
from model_server.training.batches import Share
from model_server.training.config import Device, Sharing


@dataclass(frozen=True)
class Processes:
    """This process among all."""

    device: torch.device
    share: Share

    @property
    def several(self) -> bool:
        return self.share.world > 1

    @property
    def first(self) -> bool:
        """Whether this is the one that writes and speaks."""
        return self.share.rank == 0

    def any(self, flag: bool) -> bool:
        """Whether it is so in any process; all must ask."""
        if not self.several:
            return flag
        told = torch.tensor(float(flag), device=self.device)
        distributed.all_reduce(told, distributed.ReduceOp.MAX)
        return bool(told)

    def total(self, values: Tensor) -> Tensor:
        """Sum over the processes; all must ask."""
        if self.several:
            distributed.all_reduce(values)
        return values

    def wait(self) -> None:
        """Until all are here."""
        if self.several:
            distributed.barrier()


@contextmanager
def processes(device: Device) -> Iterator[Processes]:
    """Meet the others that torchrun has started, if it has.

    Raises:
        BadInput: a GPU is asked for and there is none.
    """
    if device is Device.CUDA and not torch.cuda.is_available():
        raise BadInput("train.device is cuda, and PyTorch finds no CUDA device", hint="set it to auto or cpu")
    cuda = device is not Device.CPU and torch.cuda.is_available()
    place = torch.device("cuda", int(os.environ.get("LOCAL_RANK", 0))) if cuda else torch.device("cpu")
    if cuda:
        torch.cuda.set_device(place)
    if int(os.environ.get("WORLD_SIZE", 1)) == 1:
        yield Processes(place, Share())
        return
    distributed.init_process_group("nccl" if cuda else "gloo")
    try:
        yield Processes(place, Share(distributed.get_rank(), distributed.get_world_size()))
    finally:
        distributed.destroy_process_group()


def shared(network: Page4DNetwork, here: Processes, sharing: Sharing, mask_ends: bool) -> nn.Module:
    """What is to be called in place of the network; with FSDP, the network itself then holds parts of its weights.

    Args:
        mask_ends: at some step the mask's head has no gradients any more.
    """
    if not here.several:
        return network
    if sharing is Sharing.FSDP:
        aggregator = network.aggregator
        for block in (*network.backbone.blocks, *aggregator.frame_blocks, *aggregator.global_blocks):
            fully_shard(block)
        # What is not in a block, too: else the network would keep whole weights after a look without gradients, and
        # learn and save on with those.
        fully_shard(network, reshard_after_forward=True)
        warnings.filterwarnings("ignore", "FSDP2-wrapped module .* returned a view tensor")  # nobody writes into it
        return network
    warnings.filterwarnings("ignore", "Grad strides do not match bucket view strides")  # of a kernel of 9 numbers
    return DistributedDataParallel(network, find_unused_parameters=mask_ends)


@contextmanager
def gradients_stay(called: nn.Module, stay: bool) -> Iterator[None]:
    """Inside, with `stay`, processes do not yet exchange their gradients: more of the same step follow."""
    if isinstance(called, DistributedDataParallel) and stay:
        with called.no_sync():
            yield
        return
    if isinstance(called, FSDPModule):
        called.set_requires_gradient_sync(not stay)
    yield


def whole(tensor: Tensor) -> Tensor:
    """All of a tensor, of which this process may hold a part; all must ask."""
    return tensor.full_tensor() if isinstance(tensor, DTensor) else tensor


@torch.no_grad()
def fill(tensor: Tensor, values: Tensor) -> None:
    """Set a tensor, of which this process may hold a part, from all of its values."""
    if isinstance(tensor, DTensor):
        values = distribute_tensor(values.to(tensor.device), tensor.device_mesh, tensor.placements)
    tensor.copy_(values)
