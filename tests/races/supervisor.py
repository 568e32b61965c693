"""Run a command until standard input ends: ``python -m tests.races.supervisor COMMAND…``.

Standard input is a pipe from the test run. It closes however the run ends, so no server is left
behind.
"""

import subprocess
import sys

STOP_TIMEOUT = 15


def supervise(descriptor: int, command: list[str]) -> None:
    with subprocess.Popen(  # noqa: S603  (the command of our own test)
        command, stdin=subprocess.DEVNULL, pass_fds=[descriptor]
    ) as process:
        sys.stdin.read()
        process.terminate()
        try:
            process.wait(STOP_TIMEOUT)
        except subprocess.TimeoutExpired:
            process.kill()


if __name__ == "__main__":
    supervise(int(sys.argv[1]), sys.argv[2:])
