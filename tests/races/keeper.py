"""``python -m tests.races.keeper COMMAND…``: run a command until standard input ends.

However suddenly the test run dies, its end of the pipe closes, and no server is left behind.
"""

import subprocess
import sys

PATIENCE_SECONDS = 15


def keep(descriptor: int, command: list[str]) -> None:
    with subprocess.Popen(  # noqa: S603  (our own test gives the command)
        command, stdin=subprocess.DEVNULL, pass_fds=[descriptor]
    ) as process:
        sys.stdin.read()
        process.terminate()
        try:
            process.wait(PATIENCE_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()


if __name__ == "__main__":
    keep(int(sys.argv[1]), sys.argv[2:])
