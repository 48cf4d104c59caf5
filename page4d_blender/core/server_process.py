"""A server on this machine, started and ended from here."""

import os
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from .access import ServerAddress
from .client import Client, NoAnswer
from .errors import Page4DError

_READY_WITHIN_S = 60.0
_END_WITHIN_S = 10.0
# Blender's own Python must not leak into the server's.
_NOT_FOR_OTHER_PYTHONS = {"PYTHONHOME", "PYTHONPATH", "PYTHONEXECUTABLE", "VIRTUAL_ENV"}


class ServerDidNotStart(Page4DError):
    """The program could not be started, or ended at once."""


class ServerProcess:
    """`page4d-server serve` as a child of this process.

    Args:
        executable: the `page4d-server` program.
        address: where it shall listen; of this machine.
        log: gets all it prints.
    """

    def __init__(self, executable: Path, address: ServerAddress, log: Path) -> None:
        if not address.is_this_machine:
            hint = "set the address to 127.0.0.1, or start the server over there"
            raise ServerDidNotStart(f"{address.host} is not this machine", hint=hint)
        self._address, self._log = address, log
        command = [str(executable), "serve", "--host", address.host, "--port", str(address.port)]
        environment = {key: value for key, value in os.environ.items() if key not in _NOT_FOR_OTHER_PYTHONS}
        window = getattr(subprocess, "CREATE_NO_WINDOW", 0)
        try:
            with log.open("wb") as output:
                self._process = subprocess.Popen(
                    command,
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    env=environment,
                    creationflags=window,
                )
        except OSError as error:
            hint = "set the path to page4d-server in the preferences; make setup puts it in .venv/bin"
            raise ServerDidNotStart(f"'{executable}' can't be started: {error}", hint=hint) from error
        self._deadline = time.monotonic() + _READY_WITHIN_S

    @property
    def is_running(self) -> bool:
        return self._process.poll() is None

    def is_ready(self) -> bool:
        """Whether it answers by now.

        Raises:
            ServerDidNotStart: it ended, or took too long.
        """
        if not self.is_running:
            words = self._log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
            last = words[-1] if words else f"exit code {self._process.returncode}"
            raise ServerDidNotStart(f"the server ended at once: {last}", hint=f"its log is {self._log}")
        try:
            Client(self._address).health()
        except NoAnswer as error:
            if time.monotonic() < self._deadline:
                return False
            self.stop()
            hint = f"its log is {self._log}"
            raise ServerDidNotStart(f"the server did not answer in {_READY_WITHIN_S:.0f} s", hint=hint) from error
        return True

    def wait_until_ready(self, sleep: Callable[[float], None] = time.sleep) -> None:
        """Raises ServerDidNotStart."""
        while not self.is_ready():
            sleep(0.2)

    def stop(self) -> None:
        """End it; what it was working on goes on when it is started again."""
        self._process.terminate()
        try:
            self._process.wait(_END_WITHIN_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
