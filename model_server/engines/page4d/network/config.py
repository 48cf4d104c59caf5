"""Every width, depth and list of layers of the network."""

from dataclasses import dataclass


@dataclass(frozen=True)
class BackboneConfig:
    """DINOv2 with registers (arXiv 2304.07193, 2309.16588)."""

    dim: int = 1024
    depth: int = 24
    heads: int = 16
    registers: int = 4
    grid: int = 37  # the position embedding is stored for grid x grid patches


@dataclass(frozen=True)
class AggregatorConfig:
    """Alternating attention; its width is the backbone's."""

    rounds: int = 24  # each one frame block, then one global block
    heads: int = 16
    registers: int = 4
    rope_base: float = 100.0


@dataclass(frozen=True)
class MaskConfig:
    """PAGE-4D's mask: read off after one frame block, it biases the special tokens' rows in some global blocks."""

    source_round: int = 9
    first_round: int = 10
    stop_round: int = 20
    hidden: int = 256
    strength: float = 64.0  # alpha of the released checkpoint that keeps its mask


@dataclass(frozen=True)
class CameraHeadConfig:
    depth: int = 4
    heads: int = 16
    refinements: int = 4


@dataclass(frozen=True)
class DenseHeadConfig:
    """DPT (arXiv 2103.13413) on the outputs of four rounds."""

    rounds: tuple[int, int, int, int] = (4, 11, 17, 23)
    widths: tuple[int, int, int, int] = (256, 512, 1024, 1024)
    features: int = 256
    hidden: int = 32  # channels of the last convolution but one


@dataclass(frozen=True)
class TrackHeadConfig:
    """CoTracker's update transformer (arXiv 2307.07635) as VGGT has it."""

    features: int = 128
    stride: int = 2  # of the feature map, in pixels
    levels: int = 7
    radius: int = 4
    iterations: int = 4
    width: int = 384
    depth: int = 6
    heads: int = 8
    virtual_tracks: int = 64
    flow_embedding: int = 64  # channels for each of x and y
    flow_scale: float = 518.0


@dataclass(frozen=True)
class ModelConfig:
    patch: int = 14
    mlp_ratio: int = 4
    backbone: BackboneConfig = BackboneConfig()
    aggregator: AggregatorConfig = AggregatorConfig()
    mask: MaskConfig | None = MaskConfig()  # None: VGGT, which has none
    camera: CameraHeadConfig = CameraHeadConfig()
    dense: DenseHeadConfig = DenseHeadConfig()
    track: TrackHeadConfig | None = TrackHeadConfig()  # None: the trainer's checkpoints have none

    @property
    def special_tokens(self) -> int:
        """Camera and register tokens of one frame; the patches follow them."""
        return 1 + self.aggregator.registers

    @classmethod
    def released(cls, mask: bool = True, track: bool = True) -> "ModelConfig":
        """The published checkpoints: 1,256,810,413 parameters with all heads.

        Args:
            mask: VGGT's have no head for the mask.
            track: what PAGE-4D's trainer writes has no head for tracks.
        """
        return cls(mask=MaskConfig() if mask else None, track=TrackHeadConfig() if track else None)

    @classmethod
    def mini(cls) -> "ModelConfig":
        """What ships with the server, page4d-mini: 12 million parameters, in about the published proportions.

        The middle half of the rounds is what fine-tuning changes (10 of 24 as published, here 4 of 8), and the mask
        acts there.
        """
        return cls(
            backbone=BackboneConfig(dim=160, depth=4, heads=5, grid=12),
            aggregator=AggregatorConfig(rounds=8, heads=5),
            mask=MaskConfig(source_round=2, first_round=3, stop_round=7, hidden=64),
            camera=CameraHeadConfig(depth=2, heads=5),
            dense=DenseHeadConfig(rounds=(1, 3, 5, 7), widths=(48, 96, 128, 128), features=48, hidden=16),
            track=None,
        )

    @classmethod
    def tiny(cls) -> "ModelConfig":
        """The same network for tests: every part, little of each; about 0.7 million parameters."""
        return cls(
            backbone=BackboneConfig(dim=48, depth=2, heads=3, grid=5),
            aggregator=AggregatorConfig(rounds=6, heads=3),
            mask=MaskConfig(source_round=1, first_round=2, stop_round=4, hidden=16),
            camera=CameraHeadConfig(depth=2, heads=4),
            dense=DenseHeadConfig(rounds=(1, 2, 4, 5), widths=(16, 16, 32, 32), features=16, hidden=8),
            track=TrackHeadConfig(
                features=16, levels=3, radius=2, iterations=2, width=32, depth=2, heads=4, virtual_tracks=8
            ),
        )
