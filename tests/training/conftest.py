"""One thread for the small networks of these tests: two wait for each other longer than they work."""

import pytest
import torch


@pytest.fixture(autouse=True, scope="module")  # before a module's own fixtures: another number of threads, other sums
def _one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)
