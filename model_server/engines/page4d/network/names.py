"""Our names for the published weights, and theirs."""

from collections.abc import Iterable

# (theirs, ours): the first that a name starts with is replaced, then the first of the inner ones that it holds.
_PREFIXES = (
    ("aggregator.patch_embed.patch_embed.proj.", "backbone.patch_projection."),
    ("aggregator.patch_embed.pos_embed", "backbone.position_embedding"),
    ("aggregator.patch_embed.", "backbone."),
    ("aggregator.spatial_mask_head.head0.0.", "aggregator.mask_head.depthwise."),
    ("aggregator.spatial_mask_head.head0.2.", "aggregator.mask_head.mix."),
    ("aggregator.spatial_mask_head.head0.4.", "aggregator.mask_head.score."),
    ("camera_head.poseLN_modulation.1.", "camera_head.modulation."),
    ("depth_head.scratch.output_conv2.0.", "depth_head.refine."),
    ("depth_head.scratch.output_conv2.2.", "depth_head.predict."),
    ("depth_head.", "depth_head.features."),
    ("point_head.scratch.output_conv2.0.", "points_head.refine."),
    ("point_head.scratch.output_conv2.2.", "points_head.predict."),
    ("point_head.", "points_head.features."),
    ("track_head.feature_extractor.", "track_head.features."),
    ("track_head.tracker.query_ref_token", "track_head.query_token"),
    ("track_head.tracker.fmap_norm.", "track_head.feature_norm."),
    ("track_head.tracker.corr_mlp.", "track_head.correlation."),
    ("track_head.tracker.ffeat_norm.", "track_head.change_norm."),
    ("track_head.tracker.ffeat_updater.0.", "track_head.change."),
    ("track_head.tracker.vis_predictor.0.", "track_head.visibility."),
    ("track_head.tracker.conf_predictor.0.", "track_head.confidence."),
    ("track_head.tracker.updateformer.virual_tracks", "track_head.update.virtual_tracks"),
    ("track_head.tracker.updateformer.flow_head.", "track_head.update.output."),
    ("track_head.tracker.updateformer.space_virtual2point_blocks.", "track_head.update.gather_blocks."),
    ("track_head.tracker.updateformer.space_virtual_blocks.", "track_head.update.exchange_blocks."),
    ("track_head.tracker.updateformer.space_point2virtual_blocks.", "track_head.update.spread_blocks."),
    ("track_head.tracker.updateformer.", "track_head.update."),
)
_INNER = (
    (".scratch.layer1_rn.", ".reduce.0."),
    (".scratch.layer2_rn.", ".reduce.1."),
    (".scratch.layer3_rn.", ".reduce.2."),
    (".scratch.layer4_rn.", ".reduce.3."),
    (".scratch.refinenet1.", ".fusions.0."),
    (".scratch.refinenet2.", ".fusions.1."),
    (".scratch.refinenet3.", ".fusions.2."),
    (".scratch.refinenet4.", ".fusions.3."),
    (".scratch.output_conv1.", ".output."),
    (".cross_attn.", ".attn."),
)
_THEIR_BACKBONE = "aggregator.patch_embed."  # none of our names begins so
_UNITS = ((".resConfUnit1.", ".skip_unit."), (".resConfUnit2.", ".unit."))


def our_name(official: str) -> str:
    """The name in our code of the tensor that published checkpoints call `official`."""
    name = official
    for theirs, ours in _PREFIXES:
        if name.startswith(theirs):
            name = ours + name.removeprefix(theirs)
            break
    for table in (_INNER, _UNITS):
        for theirs, ours in table:
            if theirs in name:
                name = name.replace(theirs, ours, 1)
                break
    return name


def by_our_names(names: Iterable[str]) -> dict[str, str]:
    """Of the tensors in a file, each one's name in the file by our own; the file uses either our names or theirs."""
    found = list(names)
    published = any(name.startswith(_THEIR_BACKBONE) for name in found)
    return {our_name(name) if published else name: name for name in found}
