"""A network wide enough for its memory to show, and small enough for a test."""

from model_server.engines.page4d.network.config import (
    AggregatorConfig,
    BackboneConfig,
    CameraHeadConfig,
    DenseHeadConfig,
    MaskConfig,
    ModelConfig,
)

MIDDLING = ModelConfig(
    backbone=BackboneConfig(dim=256, depth=2, heads=4, grid=5),
    aggregator=AggregatorConfig(rounds=6, heads=4),
    mask=MaskConfig(source_round=1, first_round=2, stop_round=4, hidden=64),
    camera=CameraHeadConfig(depth=1, heads=4),
    dense=DenseHeadConfig(rounds=(1, 2, 4, 5), widths=(64, 128, 256, 256), features=64, hidden=8),
    track=None,
)
