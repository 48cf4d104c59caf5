"""Frames worked on ahead of the one that is taken: numpy and OpenCV let other threads run while they compute."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")

WORKERS = 2  # the machines that this must be quick on have two cores; more would take more memory


def ahead(work: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
    """`work` of each item, in order; while one is taken the next ones are computed, and no more than those.

    What `work` raises is raised here, at its turn. Left early, what has begun is waited for and the rest is not begun.

    Args:
        work: may run in several threads at a time.
    """
    waiting: deque[Future[Result]] = deque()
    with ThreadPoolExecutor(WORKERS) as workers:
        try:
            for item in items:
                waiting.append(workers.submit(work, item))
                if len(waiting) > WORKERS:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()
