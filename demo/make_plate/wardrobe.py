"""The body the figure is made of: one list of cones a garment, at rest, 1.74 m tall, in `walk`'s axes."""

from __future__ import annotations

from collections.abc import Callable

from cloth import Cloth
from figure import Cone, Garment

SKIN = Cloth((0.50, 0.27, 0.18), roughness=0.6, creases=0.1)
HAIR = Cloth((0.025, 0.016, 0.010), roughness=0.6, creases=0.8)
SHOES = Cloth((0.33, 0.33, 0.31), roughness=0.7, creases=0.2)


def dressed(shirt: Cloth, trousers: Cloth) -> tuple[Garment, ...]:
    """All garments of one person."""
    return (
        Garment("shirt", _torso(), shirt),
        Garment("sleeves", _both(_sleeve), shirt),  # apart from the shirt, or voxels would sew them to its sides
        Garment("trousers", _hips() + _both(_leg), trousers),
        Garment("shoes", _both(_shoe), SHOES),
        Garment("skin", _head() + _both(_hand), SKIN),
        Garment("hair", _hair(), HAIR),
    )


def _both(part: Callable[[str, int], tuple[Cone, ...]]) -> tuple[Cone, ...]:
    return part("R", 1) + part("L", -1)


def _torso() -> tuple[Cone, ...]:
    cones = [Cone("torso", (-0.085, -0.01, 1.31), 0.10, (0.085, -0.01, 1.31), 0.10)]
    for x in (-1, 1):
        cones += [
            Cone("torso", (0.085 * x, -0.01, 1.31), 0.10, (0.062 * x, 0.0, 1.10), 0.093),
            Cone("torso", (0.062 * x, 0.0, 1.10), 0.093, (0.072 * x, 0.0, 0.98), 0.103),
            Cone("pelvis", (0.072 * x, 0.0, 0.98), 0.103, (0.082 * x, -0.008, 0.88), 0.112),
            Cone("torso", (0.03 * x, -0.01, 1.42), 0.065, (0.165 * x, -0.005, 1.385), 0.062),
        ]
    return (
        *cones,
        Cone("torso", (-0.06, 0.0, 1.10), 0.093, (0.06, 0.0, 1.10), 0.093),
        Cone("pelvis", (-0.07, -0.008, 0.89), 0.112, (0.07, -0.008, 0.89), 0.112),
        Cone("torso", (0.0, -0.01, 1.43), 0.066, (0.0, -0.005, 1.47), 0.06),
    )


def _sleeve(side: str, x: int) -> tuple[Cone, ...]:
    return (
        Cone(f"upper_arm.{side}", (0.187 * x, 0.0, 1.375), 0.062, (0.225 * x, -0.01, 1.10), 0.05),
        Cone(f"forearm.{side}", (0.225 * x, -0.01, 1.10), 0.05, (0.243 * x, 0.0, 0.88), 0.039),
    )


def _hand(side: str, x: int) -> tuple[Cone, ...]:
    bone = f"forearm.{side}"
    return (
        Cone(bone, (0.242 * x, 0.0, 0.90), 0.028, (0.245 * x, 0.0, 0.84), 0.026),
        Cone(bone, (0.246 * x, -0.012, 0.80), 0.024, (0.243 * x, -0.012, 0.73), 0.018),
        Cone(bone, (0.246 * x, 0.012, 0.80), 0.025, (0.243 * x, 0.014, 0.73), 0.018),
        Cone(bone, (0.242 * x, 0.025, 0.82), 0.015, (0.228 * x, 0.048, 0.765), 0.012),
    )


def _hips() -> tuple[Cone, ...]:
    return (
        Cone("pelvis", (-0.07, -0.005, 0.93), 0.088, (0.07, -0.005, 0.93), 0.088),
        Cone("pelvis", (-0.07, -0.012, 0.89), 0.094, (0.07, -0.012, 0.89), 0.094),
    )


def _leg(side: str, x: int) -> tuple[Cone, ...]:
    return (
        Cone(f"thigh.{side}", (0.088 * x, -0.005, 0.87), 0.088, (0.09 * x, 0.008, 0.50), 0.066),
        Cone(f"shin.{side}", (0.09 * x, 0.008, 0.50), 0.066, (0.09 * x, -0.015, 0.30), 0.064),
        Cone(f"shin.{side}", (0.09 * x, -0.015, 0.30), 0.064, (0.09 * x, -0.005, 0.095), 0.056),
    )


def _shoe(side: str, x: int) -> tuple[Cone, ...]:
    foot = f"foot.{side}"
    return (
        Cone(foot, (0.09 * x, -0.005, 0.11), 0.042, (0.09 * x, 0.0, 0.07), 0.045),
        Cone(foot, (0.09 * x, -0.03, 0.046), 0.044, (0.093 * x, 0.12, 0.042), 0.042),
        Cone(foot, (0.09 * x, 0.01, 0.08), 0.042, (0.092 * x, 0.11, 0.05), 0.038),
        Cone(f"toe.{side}", (0.093 * x, 0.12, 0.042), 0.042, (0.096 * x, 0.175, 0.035), 0.034),
    )


def _head() -> tuple[Cone, ...]:
    return (
        Cone("torso", (0.0, -0.005, 1.44), 0.052, (0.0, 0.0, 1.49), 0.05),
        Cone("head", (0.0, 0.0, 1.49), 0.05, (0.0, 0.005, 1.55), 0.055),
        Cone("head", (0.0, 0.03, 1.56), 0.062, (0.0, 0.005, 1.645), 0.085),
        Cone("head", (0.0, 0.10, 1.605), 0.014, (0.0, 0.085, 1.635), 0.011),
        Cone("head", (-0.08, -0.005, 1.595), 0.018, (-0.083, -0.008, 1.625), 0.02),
        Cone("head", (0.08, -0.005, 1.595), 0.018, (0.083, -0.008, 1.625), 0.02),
    )


def _hair() -> tuple[Cone, ...]:
    return (
        Cone("head", (0.0, -0.012, 1.665), 0.085, (0.0, 0.012, 1.672), 0.083),
        Cone("head", (0.0, -0.035, 1.60), 0.068, (0.0, -0.015, 1.66), 0.085),
        Cone("head", (0.0, 0.05, 1.70), 0.04, (0.0, 0.0, 1.71), 0.06),
    )
