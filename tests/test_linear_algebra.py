import os
import subprocess
import sys

from model_server.linear_algebra import use_one_thread

VARIABLE = "OPENBLAS_NUM_THREADS"


def test_what_the_user_set_stays():
    environment = {VARIABLE: "3"}
    use_one_thread(environment)
    assert environment == {VARIABLE: "3"}


def test_the_command_line_sets_it_before_numpy_is_imported():
    code = (
        "import os, sys\n"
        "from model_server.__main__ import main\n"
        "assert 'numpy' not in sys.modules\n"
        "sys.argv = ['page4d-server', '--help']\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        f"assert os.environ['{VARIABLE}'] == '1'\n"
    )
    environment = {name: value for name, value in os.environ.items() if name != VARIABLE}
    subprocess.run([sys.executable, "-c", code], check=True, env=environment, stdout=subprocess.DEVNULL)
