"""New files of commands."""

from __future__ import annotations

import os
from pathlib import Path
from typing import BinaryIO

from django.core.management.base import CommandError


def create(file: Path) -> BinaryIO:
    """Create a file that only its owner can read; never overwrite a file.

    Raises:
        CommandError: the file exists or cannot be written.

    """
    try:
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise CommandError(f"{file} exists and was not changed. Name another file.") from None
    except OSError as error:
        raise CommandError(f"{file} cannot be written: {error.strerror}.") from None
    return os.fdopen(descriptor, "wb")
