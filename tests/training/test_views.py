"""Clips that are seen more than once: which, how often, and what of them."""

from collections import Counter
from dataclasses import dataclass, field

import torch

from model_server.training.clip import Clip
from model_server.training.views import Views, of_frames

FRAMES = 6


@dataclass(frozen=True)
class Counted:
    """Each frame's depth says which batch and frame it is."""

    asked: list[int] = field(default_factory=list)

    def batch(self, step: int, size: int, rank: int, world: int) -> Clip:
        self.asked.append(step)
        depth = (step * FRAMES + torch.arange(FRAMES)).float().view(1, FRAMES, 1, 1).expand(size, -1, 2, 2)
        poses = depth[..., :1, :1] * torch.eye(4)
        images, intrinsics = depth[:, :, None].expand(-1, -1, 3, -1, -1), torch.eye(3).expand(size, FRAMES, 3, 3)
        flow = torch.zeros(size, FRAMES - 1, 2, 2, 2)
        return Clip(images, depth, depth >= 0, poses, intrinsics, flow=flow)


def test_a_clip_is_drawn_once_and_seen_as_often_as_asked_in_batches_that_are_apart():
    source = Counted()
    views, steps = Views(source, 4, seed=1), 96
    seen = [int(views.batch(step, 2, 0, 1).depth[0, 0, 0, 0]) // FRAMES for step in range(steps)]
    assert len(source.asked) == len(set(source.asked)) <= steps / 4 + 8
    counts = Counter(seen)
    assert max(counts.values()) == 4
    assert sum(count == 4 for count in counts.values()) >= len(counts) - 12, "all but the first and the last"
    assert all(a != b for gap in range(1, 8) for a, b in zip(seen, seen[gap:], strict=False))


def test_any_step_sees_the_same_whoever_asks_first():
    in_turn = Views(Counted(), 3, seed=7)
    for step in range(50):
        expected = in_turn.batch(step, 2, 0, 1)
        alone = Views(Counted(), 3, seed=7).batch(step, 2, 0, 1)
        assert torch.equal(alone.depth, expected.depth)


def test_half_of_the_frames_come_in_another_order_with_all_that_belongs_to_them():
    views = Views(Counted(), 4, seed=1)
    orders = set()
    for step in range(40):
        clips = views.batch(step, 2, 0, 1)
        order = [int(depth) % FRAMES for depth in clips.depth[0, :, 0, 0]]
        orders.add(tuple(order))
        assert len(order) == len(set(order)) == FRAMES // 2
        assert torch.equal(clips.camera_from_world[0, :, 0, 0], clips.depth[0, :, 0, 0])
        assert torch.equal(clips.images[0, :, 0, 0, 0], clips.depth[0, :, 0, 0])
        assert clips.flow is None
    assert len(orders) > 20


def test_frames_of_a_batch_are_chosen_for_every_clip():
    clips = of_frames(Counted().batch(2, 3, 0, 1), [4, 0])
    assert clips.depth[:, :, 0, 0].tolist() == [[16, 12]] * 3


def test_no_view_is_of_one_frame_where_the_clip_has_more():
    @dataclass(frozen=True)
    class Short:
        frames: int

        def batch(self, step: int, size: int, rank: int, world: int) -> Clip:
            return of_frames(Counted().batch(step, size, rank, world), list(range(self.frames)))

    for frames, seen in ((1, 1), (2, 2), (3, 2), (5, 3)):
        assert Views(Short(frames), 2, seed=1).batch(0, 1, 0, 1).depth.shape[1] == seen
