"""A long shot cut into windows that overlap."""

from model_server.engines.page4d.window import Window
from model_server.errors import BadInput


def plan_windows(frame_count: int, length: int, overlap: int, done: int = 0) -> list[Window]:
    """As few windows as cover the frames, all about equally long: no stub at the end.

    Args:
        frame_count: of the shot.
        length: frames that a window has at most.
        overlap: frames that every window but the first shares with the one before.
        done: frames that earlier windows have covered; the first window starts `overlap` frames before them.

    Returns:
        The windows in order; empty where all frames are done.

    Raises:
        BadInput: no windows of these numbers cover the shot.
    """
    if frame_count < 1:
        raise BadInput(f"a shot of {frame_count} frames has nothing to look at", hint="give at least one frame")
    if not 1 <= overlap < length:
        raise BadInput(
            f"windows of {length} frames can't share {overlap} frames",
            hint="share at least 1 frame, and fewer than a window has",
        )
    if done and not overlap <= done <= frame_count:
        raise BadInput(f"{done} of {frame_count} frames done leave no {overlap} frames to share", hint="share fewer")
    if done == frame_count:
        return []
    first = done - overlap if done else 0
    new = max(frame_count - first - overlap, 1)  # what the windows add after the frames that the first one starts with
    count = -(-new // (length - overlap))
    starts = [first + new * index // count for index in range(count)]
    stops = [start + overlap for start in starts[1:]] + [frame_count]
    shared = [overlap if done else 0] + [overlap] * (count - 1)
    return [Window(*numbers) for numbers in zip(starts, stops, shared)]
