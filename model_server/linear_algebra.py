"""How many threads numpy and scipy use for linear algebra: one.

The solve's matrices are small. On two cores OpenBLAS's threads mostly wait for each other there, spinning: the solve
takes three to four times the processor time, and far longer where anything else runs. What is large goes through
OpenCV, Ceres and torch, which have threads of their own.
"""

import os
from collections.abc import MutableMapping

_VARIABLE = "OPENBLAS_NUM_THREADS"


def use_one_thread(environment: MutableMapping[str, str] = os.environ) -> None:
    """For this process if numpy is not imported yet, and for those it starts; what the user set stays."""
    environment.setdefault(_VARIABLE, "1")
