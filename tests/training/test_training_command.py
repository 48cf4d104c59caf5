"""`page4d-server train` as a user meets it."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
CONFIG = """
output = "{folder}/run"
[model]
size = "tiny"
[train]
steps = 1
[[data]]
kind = "walls"
"""


def test_a_configuration_that_can_not_be_is_one_line(tmp_path):
    config = tmp_path / "run.toml"
    config.write_text(CONFIG.format(folder=tmp_path))
    command = [sys.executable, "-m", "model_server", "train", str(config)]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert run.returncode == 2
    assert run.stdout == ""
    (line,) = run.stderr.splitlines()
    assert line.startswith("page4d-server: ")
    assert "'walls' is no kind of data" in line
    assert not (tmp_path / "run").exists()
