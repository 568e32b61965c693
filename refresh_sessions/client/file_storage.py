"""File storage: tokens in one file that processes of one machine share."""

from __future__ import annotations

import os
from contextlib import AbstractContextManager

from refresh_sessions.client.errors import StorageError
from refresh_sessions.client.private_files import PrivateFile
from refresh_sessions.client.tokens import Tokens


class FileStorage:
    """Tokens in a JSON file with mode 0600, and a lock in ``<path>.lock``.

    ``save`` replaces the file atomically, so that a process reads the old or the new tokens also
    if another one is killed. The operating system releases the lock of a killed process.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._file = PrivateFile(path, if_readable="log out and log in again")
        self.path = self._file.path

    def __repr__(self) -> str:
        return f"FileStorage({str(self.path)!r})"

    def load(self) -> Tokens | None:
        """Return the tokens of the file, or None if there is no file.

        Raises:
            StorageError: others can read the file, or it is not a file of this class.

        """
        content = self._file.read()
        if content is None:
            return None
        try:
            return Tokens.from_json(content)
        except ValueError as error:
            raise StorageError(
                f"{self.path} is not a complete token file ({error}). Delete it and log in again, "
                "or give another path.",
                code="storage_invalid",
            ) from None

    def save(self, tokens: Tokens) -> None:
        """Replace the file, and wait until it is on the disk."""
        self._file.write(tokens.to_json().encode())

    def clear(self) -> None:
        """Delete the file."""
        self._file.delete()

    def lock(self, timeout: float) -> AbstractContextManager[None]:
        """Exclude other threads and processes that use the same file; create its directory."""
        return self._file.lock(timeout)

    def check_writable(self) -> None:
        """Write a file of the same size beside it, so that a full disk is noticed in time."""
        self._file.check_writable()
