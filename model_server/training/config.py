"""Everything a training run is told, with its limits."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path
from typing import Any

from model_server.engines.page4d.network.config import ModelConfig
from model_server.errors import BadInput


class Size(StrEnum):
    RELEASED = "released"
    MINI = "mini"
    TINY = "tiny"


_SIZES = {Size.RELEASED: ModelConfig.released, Size.MINI: ModelConfig.mini, Size.TINY: ModelConfig.tiny}


class Freeze(StrEnum):
    """What does not learn."""

    NONE = "none"
    PUBLISHED = "published"  # everything but the blocks that the mask acts in, and the mask head


class Precision(StrEnum):
    AUTO = "auto"  # bf16 where the device multiplies it fast, float32 elsewhere
    BF16 = "bf16"
    FLOAT32 = "float32"


class Storage(StrEnum):
    """What the weights at the end are stored in."""

    FP16 = "fp16"
    FP32 = "fp32"


class Device(StrEnum):
    AUTO = "auto"
    CPU = "cpu"
    CUDA = "cuda"


class Sharing(StrEnum):
    """How several processes share the work."""

    DDP = "ddp"  # each holds the whole network
    FSDP = "fsdp"  # each holds a part of every weight


@dataclass(frozen=True)
class ModelSettings:
    size: Size = Size.RELEASED
    mask: bool = True
    weights: str = ""  # safetensors to start from; empty: random
    layer_scale: float = 0.01  # random start: what each block adds at first
    linear_std: float = 0.02  # random start: spread of linear maps
    alike: bool = False  # random start: attention over all frames begins with what has the same color

    def __post_init__(self) -> None:
        _above("model.layer_scale", self.layer_scale, 0)
        _above("model.linear_std", self.linear_std, 0)

    def network(self) -> ModelConfig:
        """The network that is trained; PAGE-4D's training has no tracks."""
        config = replace(_SIZES[self.size](), track=None)
        return config if self.mask else replace(config, mask=None)

    def middle(self) -> range:
        """Rounds that the mask acts in, or would if there was one."""
        mask = _SIZES[self.size]().mask
        return range(0) if mask is None else range(mask.first_round, mask.stop_round)


@dataclass(frozen=True)
class GroupSettings:
    """How fast some of the parameters learn."""

    learning_rate: float
    warm_up: float = 0.05  # share of the steps in which the rate rises
    weight_decay: float = 0.01

    def __post_init__(self) -> None:
        _from_to("learning_rate", self.learning_rate, 0, 1)
        _from_to("warm_up", self.warm_up, 0, 1)
        _from_to("weight_decay", self.weight_decay, 0, 1)


@dataclass(frozen=True)
class TrainSettings:
    steps: int
    seed: int = 42
    freeze: Freeze = Freeze.NONE
    batch: int = 1  # clips at once, on each process
    accumulation: int = 1  # batches for one step
    views: int = 1  # how often a drawn clip is seen; above 1 each time half of its frames, in another order
    standardize: int = 0  # batches to look at first: the camera head begins anew, with what differs between clips
    clip: float = 1.0  # longest gradient; longer ones are shortened to it
    precision: Precision = Precision.AUTO
    device: Device = Device.AUTO
    checkpointing: bool = False  # work activations out again instead of keeping them: less memory, a third slower
    ema: float = 0.0  # share of the running mean that stays at each step, such as 0.999; 0 keeps none
    sharing: Sharing = Sharing.DDP
    workers: int = 0  # processes that draw or read batches ahead
    export: Storage = Storage.FP16
    checkpoint_every: int = 500
    log_every: int = 10

    def __post_init__(self) -> None:
        for name in ("steps", "batch", "accumulation", "views", "checkpoint_every", "log_every"):
            _from_to(f"train.{name}", getattr(self, name), 1, 10**9)
        _from_to("train.seed", self.seed, 0, 1023)
        _from_to("train.standardize", self.standardize, 0, 10**4)
        _from_to("train.workers", self.workers, 0, 256)
        _above("train.clip", self.clip, 0)
        if not 0 <= self.ema < 1:
            raise BadInput(f"train.ema is {self.ema}", hint="0 keeps no mean; 0.999 is usual")


@dataclass(frozen=True)
class OptimizerSettings:
    """AdamW; a rate for each group (MODEL_SPEC 5.2)."""

    mask_head: GroupSettings = field(default_factory=lambda: GroupSettings(2e-5, 0.15, 0.02))
    blocks: GroupSettings = field(default_factory=lambda: GroupSettings(1e-5, 0.05, 0.01))
    rest: GroupSettings = field(default_factory=lambda: GroupSettings(1e-5, 0.05, 0.01))
    pose: GroupSettings = field(default_factory=lambda: GroupSettings(1e-5, 0.05, 0.01))  # the camera head's last map


@dataclass(frozen=True)
class MaskSettings:
    """How strong the mask is at each optimizer step (MODEL_SPEC 2.4)."""

    strength: float = 64.0
    always: bool = True  # it stays; else it fades from `hold` to `end`
    hold: int = 6000
    end: int = 10000

    @property
    def ends(self) -> bool:
        """Whether there are steps without it."""
        return not self.always or not self.strength

    def __post_init__(self) -> None:
        _from_to("mask.strength", self.strength, 0, 1e6)
        if not 0 <= self.hold <= self.end:
            raise BadInput(f"the mask can't fade from step {self.hold} to {self.end}", hint="give hold <= end")


@dataclass(frozen=True)
class LossSettings:
    """Weights; a head whose weight is 0 is left out of the network."""

    camera: float = 5.0
    depth: float = 1.0
    points: float = 1.0
    matching: float = 0.0  # ours: that attention finds where patches are in the first frame; for still scenes
    telling: float = 0.0  # ours: that tokens tell shifts and poses as plain numbers; for still scenes
    quantile: float = 0.98  # of the pixels' errors, that count; the rest are taken for mistakes of the data

    def __post_init__(self) -> None:
        for name in ("camera", "depth", "points", "matching", "telling"):
            _from_to(f"loss.{name}", getattr(self, name), 0, 1e6)
        if not self.camera + self.depth + self.points:
            raise BadInput("all losses have the weight 0", hint="give loss.camera, loss.depth or loss.points a weight")
        _from_to("loss.quantile", self.quantile, 0.5, 1)


@dataclass(frozen=True)
class DataSettings:
    """One source of clips."""

    kind: str  # "synthetic", or a data set's name
    weight: float = 1.0  # how often it is asked, against the others
    options: Mapping[str, Any] = field(default_factory=dict)  # what is only for this kind

    def __post_init__(self) -> None:
        _above(f"weight of the data {self.kind}", self.weight, 0)


@dataclass(frozen=True)
class ValidationSettings:
    """How the network does on clips that it does not learn from."""

    every: int = 0  # steps; 0 never looks
    batches: int = 8

    def __post_init__(self) -> None:
        _from_to("validation.every", self.every, 0, 10**9)
        _from_to("validation.batches", self.batches, 1, 10**6)


@dataclass(frozen=True)
class TrainingConfig:
    output: Path  # folder of checkpoints, logs and, at the end, weights.safetensors
    train: TrainSettings
    data: tuple[DataSettings, ...]
    model: ModelSettings = field(default_factory=ModelSettings)
    optimizer: OptimizerSettings = field(default_factory=OptimizerSettings)
    mask: MaskSettings = field(default_factory=MaskSettings)
    loss: LossSettings = field(default_factory=LossSettings)
    validation: ValidationSettings = field(default_factory=ValidationSettings)

    def __post_init__(self) -> None:
        if not self.data:
            raise BadInput("the configuration names no data", hint='add: [[data]] with kind = "synthetic"')


def _from_to(name: str, value: float, low: float, high: float) -> None:
    if not low <= value <= high:
        raise BadInput(f"{name} is {value}", hint=f"give a number from {low:g} to {high:g}")


def _above(name: str, value: float, low: float) -> None:
    if not value > low:
        raise BadInput(f"{name} is {value}", hint=f"give a number above {low:g}")
