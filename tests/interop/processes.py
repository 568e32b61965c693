"""Server processes that print their port when they are ready and end with standard input."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
STOP_TIMEOUT = 30


class Child:
    """A server process that ends with this process."""

    def __init__(self, module: str, *arguments: str, **environment: str) -> None:
        self._process = subprocess.Popen(  # noqa: S603  (our own command)
            [sys.executable, "-m", module, *arguments],
            cwd=CHECKOUT,
            env={**os.environ, "PYTHONDEVMODE": "", "PYTHONWARNINGS": "", **environment},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout is not None
        self.port = int(self._process.stdout.readline())

    def end(self) -> None:
        try:
            self._process.communicate(timeout=STOP_TIMEOUT)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.communicate()
