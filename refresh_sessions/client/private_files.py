"""Private files: read and replace files that belong to one user and many processes."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from filelock import FileLock

from refresh_sessions.client.errors import StorageError
from refresh_sessions.client.storage import ThreadLock

_IS_POSIX: Final = sys.platform != "win32"

_MAX_SIZE: Final = 65_536

_RESERVE: Final = 16_384
"""Bytes that ``check_writable`` writes in addition: new content may be longer."""

_POLL_INTERVAL: Final = 0.05

# Neither is on Windows. A pipe would block without the second one.
_NO_FOLLOW: Final = getattr(os, "O_NOFOLLOW", 0)
_NO_BLOCK: Final = getattr(os, "O_NONBLOCK", 0)


class PrivateFile:
    """A file with mode 0600, and a lock in ``<path>.lock``.

    ``write`` replaces the file atomically, so that a process reads the old or the new content also
    if another one is killed. The operating system releases the lock of a killed process.
    """

    def __init__(self, path: str | os.PathLike[str], *, if_readable: str) -> None:
        """Name the file; nothing is read yet.

        Args:
            path: the file.
            if_readable: what the user does if other users may have read it.

        """
        self.path = Path(path).expanduser().absolute()
        self._if_readable = if_readable
        self._lock = ThreadLock()

    def read(self) -> bytes | None:
        """Return the content, or None if there is no file. A long content is cut off.

        Raises:
            StorageError: others can read the file, or it cannot be read.

        """
        with self._explained("read"):
            try:
                descriptor = os.open(self.path, os.O_RDONLY | _NO_BLOCK)
            except FileNotFoundError:
                return None
            with os.fdopen(descriptor, "rb") as file:
                self._require_private(os.fstat(file.fileno()))
                return file.read(_MAX_SIZE)

    def write(self, content: bytes) -> None:
        """Replace the file, and wait until it is on the disk."""
        with self._explained("write"):
            target = self._target()
            self._write(self._temporary(target), content)
            self._temporary(target).replace(target)
            _sync_directory(target.parent)

    def delete(self) -> None:
        """Delete the file."""
        with self._explained("delete"):
            target = self._target()
            target.unlink(missing_ok=True)
            _sync_directory(target.parent)

    @contextmanager
    def lock(self, timeout: float) -> Iterator[None]:
        """Exclude other threads and processes that use the same file; create its directory."""
        # A new object each time: one object lets its owner enter twice.
        between_processes = FileLock(
            f"{self._target()}.lock",
            timeout=timeout,
            mode=0o600,
            thread_local=False,
            poll_interval=_POLL_INTERVAL,
        )
        # Threads wait without polling.
        with self._lock.hold(timeout):
            with self._explained("lock"):
                # The lock would create it too, and readable by others.
                self._target().parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                between_processes.acquire()
            try:
                yield
            finally:
                between_processes.release()

    def check_writable(self) -> None:
        """Write a file of the same size beside it, so that a full disk is noticed in time."""
        with self._explained("write"):
            target = self._target()
            size = target.stat().st_size if target.exists() else 0
            try:
                self._write(self._temporary(target), b" " * (size + _RESERVE))
            finally:
                with suppress(OSError):
                    self._temporary(target).unlink(missing_ok=True)

    def _target(self) -> Path:
        """The file itself, if the path is a symbolic link."""
        return self.path.resolve()

    @staticmethod
    def _temporary(target: Path) -> Path:
        # One name is enough under the lock, and a killed process leaves one file at most.
        return target.with_name(f".{target.name}.new")

    @staticmethod
    def _write(path: Path, content: bytes) -> None:
        path.unlink(missing_ok=True)
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | _NO_FOLLOW
        with os.fdopen(os.open(path, flags, 0o600), "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())

    def _require_private(self, status: os.stat_result) -> None:
        if not stat.S_ISREG(status.st_mode):
            raise StorageError(
                f"{self.path} is not a file. Give the path of a file.", code="storage_invalid"
            )
        if _IS_POSIX and status.st_mode & 0o077:
            raise StorageError(
                f"Other users can read {self.path}. Run: chmod 600 {self.path}. If others may "
                f"have read it, {self._if_readable}.",
                code="storage_readable",
            )

    @contextmanager
    def _explained(self, verb: str) -> Iterator[None]:
        """Say which file an error of the operating system is about."""
        try:
            yield
        except TimeoutError:
            raise
        except OSError as error:
            raise StorageError(
                f"Cannot {verb} {self.path}: {error.strerror or type(error).__name__}. Check that "
                f"the directory exists, that this user may write to it, and that the disk has "
                f"space.",
                code="storage_failed",
            ) from error


def _sync_directory(directory: Path) -> None:
    if not _IS_POSIX:
        return
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
