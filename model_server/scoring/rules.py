"""The two protocols: all that differs between the published evaluation and what it should have been."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

MOST_FRAMES = 120  # that the network sees at once, as published (MODEL_SPEC section 6)


class Task(StrEnum):
    POSE = "pose"
    VIDEO_DEPTH = "video-depth"
    MONO_DEPTH = "mono-depth"
    POINTS = "points"
    MOTION = "motion"


class Alignment(StrEnum):
    """What of predicted depth is made right before it is compared."""

    MEDIAN = "median"  # the scale, by the medians
    SCALE = "scale"  # the scale with the least sum of |differences|
    SCALE_AND_SHIFT = "scale-and-shift"  # scale and offset likewise
    METRIC = "metric"  # nothing


class ProtocolName(StrEnum):
    PAPER = "paper"
    CORRECTED = "corrected"


@dataclass(frozen=True)
class DatasetRules:
    """What one task takes from one dataset."""

    sequences: tuple[str, ...] | None = None  # None: all that are there
    skipped: tuple[str, ...] = ()
    stride: int = 1  # every so many frames
    farthest: float | None = None  # true depth from here on is not scored; dataset's unit
    clipped_at: float | None = None  # predicted depth is cut off here after it was aligned


@dataclass(frozen=True)
class EvaluationRules:
    """A protocol. Whatever differs between the two is told here; docs/SCORING.md has the table."""

    protocol: ProtocolName
    stretched: bool  # pictures to a square, whatever their aspect, and tall ones cut off before; else whole, in aspect
    from_first_camera: bool  # video depth is z in the first camera's frame; else the depth map
    enlarged_cubic: (
        bool  # predicted depth comes to the truth's size by cubic interpolation, which overshoots; else linear
    )
    shift_by_steps: bool  # scale and shift by 1000 small steps of Adam; else by reweighted least squares to the end
    lines_fail: bool  # a camera path that is exactly a line can't be scored
    spread: bool  # of a long sequence, every k-th frame; else the first
    weighted: bool  # the mean of depth by valid pixels; else every sequence counts the same
    failures_count: bool  # the mean says of how many sequences it knows; else it is of those that are left
    alignments: Mapping[Task, tuple[Alignment, ...]]
    datasets: Mapping[tuple[Task, str], DatasetRules] = field(default_factory=dict)

    def of(self, task: Task, dataset: str) -> DatasetRules:
        """What that task takes from that dataset."""
        return self.datasets.get((task, dataset), DatasetRules())

    def frames(self, task: Task, dataset: str, count: int) -> range:
        """Which of a sequence's `count` frames are looked at: each alone for mono depth, together for all others."""
        stride = self.of(task, dataset).stride
        if task is Task.MONO_DEPTH:
            return range(0, count, stride)
        if self.spread:
            return range(0, count, max(1, -(-count // MOST_FRAMES)))
        return range(0, count if task is Task.POSE else min(count, MOST_FRAMES), stride)


_SINTEL_14 = tuple(
    "alley_2 ambush_4 ambush_5 ambush_6 cave_2 cave_4 market_2 market_5 market_6 shaman_3 sleeping_1 sleeping_2"
    " temple_2 temple_3".split()
)
_BONN_5 = tuple(f"rgbd_bonn_{name}" for name in "balloon2 crowd2 crowd3 person_tracking2 synchronous".split())
_DYCHECK_13 = tuple(
    "apple backpack block handwavy haru-sit mochi-high-five paper-windmill pillow space-out spin sriracha-tree teddy"
    " wheel".split()
)
_FAR = 70.0

PAPER = EvaluationRules(
    protocol=ProtocolName.PAPER,
    stretched=True,
    from_first_camera=True,
    enlarged_cubic=True,
    shift_by_steps=True,
    lines_fail=True,
    spread=False,
    weighted=True,
    failures_count=False,
    alignments={
        Task.VIDEO_DEPTH: (Alignment.SCALE, Alignment.SCALE_AND_SHIFT, Alignment.METRIC),
        Task.MONO_DEPTH: (Alignment.MEDIAN,),
    },
    datasets={
        (Task.POSE, "sintel"): DatasetRules(_SINTEL_14),
        (Task.POSE, "bonn"): DatasetRules(_BONN_5),
        (Task.POSE, "dycheck"): DatasetRules(_DYCHECK_13, stride=10),
        (Task.VIDEO_DEPTH, "sintel"): DatasetRules(skipped=("market_5",), farthest=_FAR, clipped_at=_FAR),
        (Task.VIDEO_DEPTH, "bonn"): DatasetRules(_BONN_5, farthest=_FAR),
        (Task.VIDEO_DEPTH, "dycheck"): DatasetRules(_DYCHECK_13, farthest=_FAR),
        (Task.MONO_DEPTH, "sintel"): DatasetRules(farthest=_FAR, clipped_at=_FAR),
        (Task.MONO_DEPTH, "bonn"): DatasetRules(_BONN_5, farthest=_FAR),
        (Task.MONO_DEPTH, "dycheck"): DatasetRules(_DYCHECK_13),
        (Task.POINTS, "dycheck"): DatasetRules(_DYCHECK_13),
    },
)

# Sintel's sky lies thousands of meters away: with it, RMSE would be of nothing else.
_SINTEL = DatasetRules(farthest=_FAR)

CORRECTED = EvaluationRules(
    protocol=ProtocolName.CORRECTED,
    stretched=False,
    from_first_camera=False,
    enlarged_cubic=False,
    shift_by_steps=False,
    lines_fail=False,
    spread=True,
    weighted=False,
    failures_count=True,
    alignments={task: tuple(Alignment) for task in (Task.VIDEO_DEPTH, Task.MONO_DEPTH)},
    datasets={(task, "sintel"): _SINTEL for task in (Task.VIDEO_DEPTH, Task.MONO_DEPTH, Task.POINTS)},
)

PROTOCOLS: Mapping[ProtocolName, EvaluationRules] = {rules.protocol: rules for rules in (PAPER, CORRECTED)}
