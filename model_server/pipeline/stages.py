"""The stages of a solve in their order, and how much of the whole each one is."""

# Shares of a classical solve's time, rounded from synthetic clips of 8 and 16 frames; they only show progress.
STAGE_SHARES = {
    "footage": 0.03,
    "tracks": 0.08,
    "engine": 0.22,
    "solve": 0.08,
    "depth": 0.33,
    "motion": 0.18,
    "layers": 0.03,
    "package": 0.05,
}
STAGES = tuple(STAGE_SHARES)


def overall(stage: str, fraction: float) -> float:
    """Share of the whole solve that is done when `fraction` of `stage` is, 0..1."""
    before = sum(STAGE_SHARES[name] for name in STAGES[: STAGES.index(stage)])
    return min(1.0, before + STAGE_SHARES[stage] * min(1.0, max(0.0, fraction)))
